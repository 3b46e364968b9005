//! Questions to a person. Without a terminal there is nobody to ask.

use dialoguer::theme::ColorfulTheme;
use dialoguer::{Confirm, Input, Password};

use crate::model::text::visible;

/// Asks yes or no; anything but a clear yes, Ctrl-C included, is no.
pub fn confirm(question: &str) -> bool {
    let asked =
        Confirm::with_theme(&ColorfulTheme::default()).with_prompt(visible(question)).default(false).interact_opt();
    matches!(asked, Ok(Some(true)))
}

/// Asks for a name to be typed, and returns whether it was.
pub fn typed(question: &str, name: &str) -> bool {
    let asked: Result<String, _> =
        Input::with_theme(&ColorfulTheme::default()).with_prompt(visible(question)).allow_empty(true).interact_text();
    asked.is_ok_and(|text| text == name)
}

/// Asks for a value; nothing when the question was abandoned.
pub fn value(question: &str, default: &str) -> Option<String> {
    let theme = ColorfulTheme::default();
    let mut input = Input::with_theme(&theme).with_prompt(visible(question)).allow_empty(true);
    if !default.is_empty() {
        input = input.default(default.to_owned());
    }
    input.interact_text().ok()
}

/// Asks for a secret, which is not shown; nothing when the question was abandoned.
pub fn secret(question: &str) -> Option<String> {
    let theme = ColorfulTheme::default();
    Password::with_theme(&theme).with_prompt(visible(question)).allow_empty_password(true).interact().ok()
}
