//! The text of a `post-checkout` hook, with and without devdb's lines.

/// The name of the hook.
pub const HOOK: &str = "post-checkout";

/// What a hook is renamed to that is no shell script.
pub const KEPT: &str = "post-checkout.before-devdb";

const SHEBANG: &str = "#!/bin/sh\n";

/// One project's lines in a hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The project's folder below the top of the working tree; empty where it is the top.
    pub prefix: String,
    /// devdb, where it is not on the path.
    pub program: String,
}

impl Block {
    fn marks(&self) -> (String, String) {
        let name =
            if self.prefix.is_empty() { "devdb branch".to_owned() } else { format!("devdb branch: {}", self.prefix) };
        (format!("# >>> {name} >>>\n"), format!("# <<< {name} <<<\n"))
    }

    fn text(&self) -> String {
        let (begin, end) = self.marks();
        let folder = if self.prefix.is_empty() { ".".to_owned() } else { quoted(&format!("./{}", self.prefix)) };
        let program = quoted(&self.program);
        format!(
            "{begin}# The database follows the git branch; `devdb branch uninstall` takes these lines out.\n\
             if [ \"${{3:-0}}\" = 1 ]; then\n\
             \x20 (\n\
             \x20   unset $(git rev-parse --local-env-vars)\n\
             \x20   cd {folder} 2>/dev/null || exit 0\n\
             \x20   devdb=$(command -v devdb) || devdb={program}\n\
             \x20   [ -x \"$devdb\" ] && \"$devdb\" branch switch --hook </dev/null >&2\n\
             \x20 ) || :\n\
             fi\n{end}"
        )
    }

    /// Returns a new hook of these lines; with `kept`, it goes on with the hook that was there.
    pub fn hook(&self, kept: bool) -> String {
        let rest = if kept { format!("exec \"$(dirname \"$0\")/{KEPT}\" \"$@\"\n") } else { String::new() };
        format!("{SHEBANG}{}{rest}", self.text())
    }

    /// Returns a shell script with these lines before all others, in place of what stood there of an earlier install;
    /// nothing where the text is no shell script. First, because a script may end itself, or give way to another.
    pub fn inserted(&self, script: &str) -> Option<String> {
        let without = self.removed(script).unwrap_or_else(|| script.to_owned());
        let (shebang, rest) = match without.split_once('\n') {
            Some((first, rest)) if first.starts_with("#!") => (format!("{first}\n"), rest),
            _ if without.starts_with("#!") => (format!("{without}\n"), ""),
            _ => (String::new(), without.as_str()),
        };
        is_shell(&shebang).then(|| format!("{shebang}{}{rest}", self.text()))
    }

    /// Returns a script without these lines; nothing where it does not have them.
    pub fn removed(&self, script: &str) -> Option<String> {
        let (begin, end) = self.marks();
        let (before, rest) = script.split_once(&begin)?;
        let (_ours, after) = rest.split_once(&end)?;
        Some(format!("{before}{after}"))
    }
}

/// Returns whether nothing is left of a hook that devdb wrote.
pub fn is_empty(script: &str) -> bool {
    script.trim() == SHEBANG.trim() || script.trim().is_empty()
}

/// Returns whether a hook that devdb wrote goes on with one that was there before.
pub fn goes_on(script: &str) -> bool {
    script.contains(KEPT)
}

/// Returns `text` as one word of a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A script without a first line of its own is run by `sh`.
fn is_shell(shebang: &str) -> bool {
    const SHELLS: [&str; 5] = ["sh", "bash", "dash", "zsh", "ksh"];
    let program = |word: &str| word.rsplit('/').next().unwrap_or(word).to_owned();
    let mut words = shebang.trim_start_matches("#!").split_whitespace().map(program);
    let first = words.next();
    let named = if first.as_deref() == Some("env") { words.find(|word| !word.starts_with('-')) } else { first };
    named.is_none_or(|name| SHELLS.contains(&name.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(prefix: &str) -> Block {
        Block { prefix: prefix.to_owned(), program: "/opt/dev db/devdb".to_owned() }
    }

    #[test]
    fn a_hook_is_given_back_as_it_was() {
        let scripts = [
            "#!/bin/sh\necho mine\n",
            "#!/usr/bin/env bash\nset -e\nexec other \"$@\"\n",
            "#!/usr/bin/env sh\n. \"$(dirname \"$0\")/h\"",
            "echo without a first line\n",
        ];
        for script in scripts {
            let once = block("").inserted(script).unwrap();
            assert_eq!(block("").inserted(&once).unwrap(), once, "a second install changes nothing");
            let both = block("back end").inserted(&once).unwrap();
            assert!(both.contains("cd './back end'") && both.contains("'/opt/dev db/devdb'"), "{both}");
            let first = block("").removed(&both).unwrap();
            assert_eq!(block("back end").removed(&first).unwrap(), script);
            assert_eq!(block("").removed(script), None);
        }
    }

    #[test]
    fn other_languages_are_left_alone() {
        assert_eq!(block("").inserted("#!/usr/bin/env python3\nprint(1)\n"), None);
        assert_eq!(block("").inserted("#!/usr/bin/perl -w\n"), None);
        let hook = block("").hook(true);
        assert!(hook.ends_with("/post-checkout.before-devdb\" \"$@\"\n") && goes_on(&hook));
        assert!(is_empty(&block("").removed(&block("").hook(false)).unwrap()));
    }
}
