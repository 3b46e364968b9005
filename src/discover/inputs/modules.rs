//! The project's own Python modules, followed from import to import.
#![expect(clippy::disallowed_methods, reason = "packages are listed here")]

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::known;
use crate::model::layer::{Digest, Input};
use crate::parse::alembic::revision;
use crate::parse::python_imports::{Import, Reach, Reads, reads};
use crate::wire::files::read_bytes;

/// More modules than this are no project's own.
const MAX_MODULES: usize = 20_000;

/// The modules of the project, read once each.
pub(super) struct Modules<'p> {
    root: &'p Path,
    /// Where absolute imports are looked up; absolute.
    places: Vec<PathBuf>,
    tops: HashSet<String>,
    found: Vec<Module>,
    by_path: HashMap<PathBuf, usize>,
    /// The modules that a name stands for, seen from a folder; from none, it is absolute.
    named: HashMap<(Option<PathBuf>, Import), Vec<usize>>,
    /// What sets of modules depend on, with all that they import.
    followed: HashMap<(BTreeSet<usize>, bool), Result<Digest, String>>,
    folders: Folders,
}

struct Module {
    /// Absolute.
    path: PathBuf,
    source: Result<Source, String>,
    /// Nothing until it is asked for.
    imports: Option<Vec<usize>>,
}

/// A Python file, as far as it counts.
#[derive(Clone)]
pub(super) struct Source {
    pub(super) content: Digest,
    pub(super) reads: Reads,
}

impl Source {
    /// Reads a file; of absolute imports, those of `tops` are looked at.
    pub(super) fn read(path: &Path, tops: &HashSet<String>) -> Result<Self, String> {
        let bytes = read_bytes(path)?;
        let text = revision::text(&bytes).ok_or("it is no Python source")?;
        Ok(Self { content: Digest::of([line_feeds(&bytes)]), reads: reads(&text, &|top| tops.contains(top)) })
    }
}

/// Python takes all line ends for one, within strings as well.
fn line_feeds(bytes: &[u8]) -> Cow<'_, [u8]> {
    if !bytes.contains(&b'\r') {
        return Cow::Borrowed(bytes);
    }
    let next = bytes.iter().skip(1).chain([&0]);
    let kept = bytes.iter().zip(next).filter(|(byte, next)| !(**byte == b'\r' && **next == b'\n'));
    Cow::Owned(kept.map(|(byte, _)| if *byte == b'\r' { b'\n' } else { *byte }).collect())
}

impl<'p> Modules<'p> {
    pub(super) fn new(root: &'p Path, places: Vec<PathBuf>) -> Self {
        let mut folders = Folders::default();
        let mut tops = HashSet::new();
        for place in &places {
            let folder = folders.list(place);
            tops.extend(folder.modules.iter().chain(&folder.folders).cloned());
        }
        let (named, followed) = (HashMap::new(), HashMap::new());
        Self { root, places, tops, found: Vec::new(), by_path: HashMap::new(), named, followed, folders }
    }

    /// Returns the first parts of the names of everything that may be a module of the project.
    pub(super) fn tops(&self) -> &HashSet<String> {
        &self.tops
    }

    /// Returns what a file's imports depend on; the file itself does not count.
    pub(super) fn imported_by_file(&mut self, file: &Path, declared: bool) -> Input {
        match Source::read(&self.root.join(file), &self.tops) {
            Ok(source) => self.imported(file, &source.reads.imports, declared),
            Err(why) => Input::Open(format!("`{}` cannot be read: {why}", file.display())),
        }
    }

    /// Returns what the imports of a file depend on: all modules of the project that they lead to. Open where one of them
    /// reads what cannot be told, unless that is `declared`.
    pub(super) fn imported(&mut self, file: &Path, imports: &[Import], declared: bool) -> Input {
        if imports.is_empty() {
            return known(["modules"]);
        }
        let path = self.root.join(file);
        let direct: BTreeSet<usize> = imports.iter().flat_map(|import| self.named(&path, import)).collect();
        let key = (direct, declared);
        let followed = if let Some(followed) = self.followed.get(&key) {
            followed.clone()
        } else {
            let followed = self.follow(&key.0, declared);
            self.followed.insert(key, followed.clone());
            followed
        };
        match followed {
            Ok(digest) => Input::Known(digest),
            Err(why) => Input::Open(format!("{why} (imported by `{}`)", file.display())),
        }
    }

    /// Joins the modules of a set, and all that they import; or says why that cannot be.
    fn follow(&mut self, direct: &BTreeSet<usize>, declared: bool) -> Result<Digest, String> {
        let mut reached: Vec<usize> = direct.iter().copied().collect();
        let mut seen = direct.clone();
        let mut parts = Vec::new();
        let mut next = 0;
        while let Some(&number) = reached.get(next) {
            next += 1;
            let Some(module) = self.found.get(number) else { continue };
            let shown = module.path.strip_prefix(self.root).unwrap_or(&module.path);
            match &module.source {
                Ok(Source { reads: Reads { reach: Some(reach), .. }, .. }) if !declared => {
                    return Err(unknown(shown, reach));
                }
                Ok(source) => parts.push((shown.to_path_buf(), source.content)),
                Err(why) => return Err(format!("`{}` cannot be read: {why}", shown.display())),
            }
            reached.extend(self.imports_of(number).into_iter().filter(|import| seen.insert(*import)));
            if reached.len() > MAX_MODULES {
                return Err(format!("it leads to more than {MAX_MODULES} modules"));
            }
        }
        // Which import led to which module first is nothing that matters.
        parts.sort();
        let one =
            |(path, content): &(PathBuf, Digest)| Digest::of([path.as_os_str().as_encoded_bytes(), content.as_ref()]);
        Ok(parts.iter().map(one).fold(Digest::of(["modules"]), Digest::then))
    }

    fn imports_of(&mut self, module: usize) -> Vec<usize> {
        let Some(Module { path, source: Ok(source), imports }) = self.found.get(module) else { return Vec::new() };
        if let Some(imports) = imports {
            return imports.clone();
        }
        let (path, wanted) = (path.clone(), source.reads.imports.clone());
        let found: BTreeSet<usize> = wanted.iter().flat_map(|import| self.named(&path, import)).collect();
        let found: Vec<usize> = found.into_iter().collect();
        if let Some(module) = self.found.get_mut(module) {
            module.imports = Some(found.clone());
        }
        found
    }

    /// Returns the modules that an import of a file leads to.
    fn named(&mut self, file: &Path, import: &Import) -> Vec<usize> {
        let package = (import.level > 0).then(|| file.ancestors().nth(import.level).map(Path::to_path_buf)).flatten();
        if import.level > 0 && package.is_none() {
            return Vec::new();
        }
        let key = (package, import.clone());
        if let Some(known) = self.named.get(&key) {
            return known.clone();
        }
        let mut files = Vec::new();
        let folders = &mut self.folders;
        match &key.0 {
            Some(package) => {
                folders.module(package, "__init__", &mut files);
                folders.walk(package, import, &mut files);
            }
            None => self.places.iter().for_each(|place| folders.walk(place, import, &mut files)),
        }
        let found: Vec<usize> = files.into_iter().map(|path| self.module(path)).collect();
        self.named.insert(key, found.clone());
        found
    }

    /// Returns the number of a module that is there.
    fn module(&mut self, path: PathBuf) -> usize {
        if let Some(known) = self.by_path.get(&path) {
            return *known;
        }
        let number = self.found.len();
        let source = Source::read(&path, &self.tops);
        self.found.push(Module { path: path.clone(), source, imports: None });
        self.by_path.insert(path, number);
        number
    }
}

/// What folders hold, listed once each: most names are looked for in several, and found in none.
#[derive(Default)]
struct Folders(HashMap<PathBuf, Folder>);

#[derive(Default)]
struct Folder {
    /// Python files, without their ending.
    modules: BTreeSet<String>,
    folders: BTreeSet<String>,
}

impl Folders {
    fn list(&mut self, path: &Path) -> &Folder {
        self.0.entry(path.to_path_buf()).or_insert_with(|| {
            let mut folder = Folder::default();
            for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
                let Ok(name) = entry.file_name().into_string() else { continue };
                let kind = entry.file_type().ok();
                // What a link leads to is what Python finds.
                let linked = kind.is_some_and(|kind| kind.is_symlink());
                if kind.is_some_and(|kind| kind.is_dir()) || (linked && entry.path().is_dir()) {
                    folder.folders.insert(name);
                } else if let Some(stem) = name.strip_suffix(".py") {
                    folder.modules.insert(stem.to_owned());
                }
            }
            folder
        })
    }

    /// Adds a module of a folder, when there is one of that name.
    fn module(&mut self, folder: &Path, name: &str, files: &mut Vec<PathBuf>) {
        if self.list(folder).modules.contains(name) {
            files.push(folder.join(format!("{name}.py")));
        }
    }

    /// Adds the files that a name may mean below a folder: the packages on the way, and the module; what comes after a
    /// module is an attribute of it.
    fn walk(&mut self, folder: &Path, import: &Import, files: &mut Vec<PathBuf>) {
        let mut folder = folder.to_path_buf();
        for part in &import.path {
            self.module(&folder, part, files);
            if !self.list(&folder).folders.contains(part) {
                return;
            }
            folder.push(part);
            self.module(&folder, "__init__", files);
        }
        if import.everything {
            let listed = self.list(&folder);
            let (modules, inner) = (listed.modules.clone(), listed.folders.clone());
            files.extend(modules.iter().map(|name| folder.join(format!("{name}.py"))));
            for name in inner {
                self.module(&folder.join(name), "__init__", files);
            }
        }
    }
}

/// Says that a source reads what it does not tell.
pub(super) fn unknown(file: &Path, reach: &Reach) -> String {
    format!("`{}:{}` may read anything (`{}`); list what in [cache] inputs", file.display(), reach.line, reach.what)
}
