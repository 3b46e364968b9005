//! Events as they happen: a bar in a terminal, plain lines in a pipe.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::style;
use super::ui::{Ui, took};
use crate::model::event::{Event, Stage};
use crate::model::text::{shortened, visible};

/// Tells events on stderr.
#[derive(Debug)]
pub struct Progress<'a> {
    ui: &'a Ui,
    bar: Option<ProgressBar>,
    /// Says nothing but warnings, for `--json`.
    quiet: bool,
    /// Every revision gets a line, in a terminal as well.
    revisions: bool,
}

impl<'a> Progress<'a> {
    /// Returns a teller; with `quiet`, only warnings and waiting are told.
    pub fn new(ui: &'a Ui, quiet: bool) -> Self {
        Self { ui, bar: None, quiet, revisions: false }
    }

    /// Returns a teller for which the revisions are the matter, not the stage.
    pub fn of_revisions(ui: &'a Ui) -> Self {
        Self { ui, bar: None, quiet: false, revisions: true }
    }

    /// Tells one event.
    pub fn tell(&mut self, event: &Event) {
        match event {
            Event::Waiting { holder } => self.line(&format!("{} for {}", style::warn("waiting"), visible(holder))),
            Event::Warning { text } => self.line(&format!("{} {}", style::warn("warning:"), visible(text))),
            _ if self.quiet => {}
            Event::Cleaned { what } => self.line(&format!("  {} {}", style::faint("cleaned up"), visible(what))),
            Event::Note { text } => self.line(&format!("  {} {}", style::faint("note:"), visible(text))),
            Event::Started { stage, detail } => self.started(*stage, detail),
            Event::Revision { id, message, index, total } => self.revision(id, message, *index, *total),
            Event::Applied { id, message, took } => self.applied(id, message, *took),
            Event::Output { line } => {
                if self.ui.verbose {
                    self.line(&style::faint(format!("    {}", visible(line))));
                }
            }
            Event::Finished { stage, detail, took: elapsed } => self.finished(*stage, detail, *elapsed),
        }
    }

    /// Takes the bar away, so that what follows stands on a clean line.
    pub fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    fn started(&mut self, stage: Stage, detail: &str) {
        if self.ui.live {
            self.clear();
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            let plain = ProgressStyle::with_template("  {spinner} {prefix:<10} {wide_msg}");
            bar.set_style(plain.unwrap_or_else(|_error| ProgressStyle::default_spinner()));
            bar.set_prefix(stage.name());
            bar.set_message(visible(detail));
            bar.enable_steady_tick(Duration::from_millis(100));
            self.bar = Some(bar);
        }
    }

    fn revision(&mut self, id: &str, message: &str, index: usize, total: usize) {
        if let Some(bar) = &self.bar {
            let of = if total > 0 { format!("{index}/{total}") } else { index.to_string() };
            bar.set_message(format!("{of}  {}  {}", shortened(&visible(id), 14), visible(message)));
        }
    }

    fn applied(&mut self, id: &str, message: &str, elapsed: Duration) {
        if self.ui.live && !self.ui.verbose && !self.revisions {
            return;
        }
        let id = shortened(&visible(id), 14);
        let text = format!("    {} {id:<14} {}  {}", style::good("✓"), visible(message), style::faint(took(elapsed)));
        self.line(&self.ui.wrapped(&text, 21));
    }

    fn finished(&mut self, stage: Stage, detail: &str, elapsed: Duration) {
        self.clear();
        let time = took(elapsed);
        self.line(&format!("  {} {:<10} {time:>8}  {}", style::good("✓"), stage.name(), visible(detail)));
    }

    fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| self.ui.say(text)),
            None => self.ui.say(text),
        }
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        self.clear();
    }
}
