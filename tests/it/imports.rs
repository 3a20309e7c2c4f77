//! Which file imports which: read from the sources, as text. Arrows between the files of a crate run one way.
//!
//! A module's *front* (`mod.rs`, `lib.rs`) may re-export its children: `pub use` is no arrow, and a name that is reached
//! through a front counts as an arrow to the file that defines it. Everything else that names a module is one: `use`
//! declarations and paths in the code. Tests do not count.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    fs,
};

use super::sources::{assert_none, is_test, product_lines, read, root, sources};

/// Source folders of the crates, and the names that other crates know them by.
pub(crate) const CRATES: [(&str, &str); 6] = [
    ("script", "script/src"),
    ("operators", "operators/src"),
    ("connectors", "connectors/src"),
    ("decode", "pipeline/decode/src"),
    ("sample", "pipeline/sample/src"),
    ("pipeline", "pipeline/src"),
];

/// A module's path within its crate: no segments for the root.
type Module = Vec<String>;

/// The modules of one crate, and what they import.
struct CrateImports {
    name: &'static str,
    /// Path of each module's file within the workspace.
    files: BTreeMap<Module, String>,
    /// Modules of the same crate that a module imports.
    inside: BTreeMap<Module, BTreeSet<Module>>,
    /// Other crates of the workspace that a module imports.
    outside: BTreeMap<Module, BTreeSet<&'static str>>,
}

impl CrateImports {
    fn read(name: &'static str, folder: &str) -> Self {
        let mut texts = BTreeMap::new();
        let mut files = BTreeMap::new();
        for (path, source) in sources(&[folder]).into_iter().filter(|(path, _)| !is_test(path)) {
            let module = module_of(path.strip_prefix(folder).expect("inside").trim_start_matches('/'));
            let code: Vec<String> = product_lines(&source).map(|(_, line)| without_comment(line).to_owned()).collect();
            texts.insert(module.clone(), code.join("\n"));
            files.insert(module, path);
        }
        let mut fronts = BTreeMap::new();
        for (module, text) in &texts {
            for path in declarations(text).into_iter().filter(|(public, _)| *public).flat_map(|(_, tree)| expand(&tree)) {
                let (path, name) = renamed(&path);
                if let Some(full) = absolute(&path, module, &files) {
                    fronts.insert((module.clone(), name), full);
                }
            }
        }
        let mut all = Self { name, files, inside: BTreeMap::new(), outside: BTreeMap::new() };
        for (module, text) in &texts {
            let private = declarations(text).into_iter().filter(|(public, _)| !public).flat_map(|(_, tree)| expand(&tree));
            let paths: Vec<String> = private.map(|path| renamed(&path).0).chain(paths_in_code(text)).collect();
            for path in paths {
                let first = path.split("::").next().unwrap_or_default();
                if let Some((other, _)) = CRATES.iter().find(|(other, _)| *other == first && *other != name) {
                    all.outside.entry(module.clone()).or_default().insert(other);
                } else if let Some(target) =
                    absolute(&path, module, &all.files).and_then(|full| defining(&full, &all.files, &fronts))
                    && target != *module
                {
                    all.inside.entry(module.clone()).or_default().insert(target);
                }
            }
        }
        all
    }

    /// Sets of modules that import each other, directly or in a round.
    fn circles(&self) -> Vec<Vec<Module>> {
        let reach = |from: &Module| {
            let (mut seen, mut next) = (BTreeSet::new(), vec![from.clone()]);
            while let Some(module) = next.pop() {
                for target in self.inside.get(&module).into_iter().flatten() {
                    if seen.insert(target.clone()) {
                        next.push(target.clone());
                    }
                }
            }
            seen
        };
        let reached: BTreeMap<&Module, BTreeSet<Module>> = self.files.keys().map(|module| (module, reach(module))).collect();
        let mut circles: Vec<Vec<Module>> = Vec::new();
        for (module, to) in &reached {
            let round: Vec<Module> = to.iter().filter(|other| reached[other].contains(*module)).cloned().collect();
            if !round.is_empty() && !circles.contains(&round) {
                circles.push(round);
            }
        }
        circles
    }

    /// What stands in one folder of the crate, each folder in it taken as one module.
    fn folder(&self, folder: &[String]) -> Self {
        let entry = |module: &Module| module.starts_with(folder).then(|| module[..module.len().min(folder.len() + 1)].to_vec());
        let files = self.files.iter().filter_map(|(module, path)| Some((entry(module)?, path.clone()))).collect();
        let mut inside: BTreeMap<Module, BTreeSet<Module>> = BTreeMap::new();
        for (module, targets) in &self.inside {
            let Some(from) = entry(module) else { continue };
            let targets = targets.iter().filter_map(entry).filter(|target| *target != from);
            inside.entry(from.clone()).or_default().extend(targets);
        }
        Self { name: self.name, files, inside, outside: BTreeMap::new() }
    }

    /// The folders of the crate: modules that other modules stand in.
    fn folders(&self) -> BTreeSet<Module> {
        self.files.keys().filter_map(|module| Some(module.split_last()?.1.to_vec())).collect()
    }

    /// One line a module: its file, and what it imports.
    fn list(&self) -> String {
        let mut list = String::new();
        for (module, path) in &self.files {
            let inside = self.inside.get(module).into_iter().flatten().map(|target| target.join("::"));
            let outside = self.outside.get(module).into_iter().flatten().map(|name| format!("{name}::"));
            let targets: Vec<String> = outside.chain(inside).collect();
            writeln!(list, "{path} -> {}", targets.join(", ")).expect("a string takes everything");
        }
        list
    }
}

fn module_of(path: &str) -> Module {
    let mut module: Module = path.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if module.last().is_some_and(|last| last == "mod") {
        module.pop();
    }
    if module == ["lib"] || module == ["main"] { Vec::new() } else { module }
}

fn without_comment(line: &str) -> &str {
    line.split("//").next().unwrap_or_default()
}

/// `use` declarations, and whether each is public.
fn declarations(text: &str) -> Vec<(bool, String)> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("use ") {
        let before = text[..at].trim_end_matches(' ');
        let starts = before.is_empty() || before.ends_with(['\n', ';', '}', '{']);
        let public =
            before.ends_with("pub") || before.ends_with(')') && before.rfind("pub(").is_some_and(|p| before.len() - p < 16);
        if (starts || public)
            && let Some(end) = text[at..].find(';')
        {
            found.push((public, text[at + 4..at + end].split_whitespace().collect::<Vec<_>>().join(" ")));
        }
    }
    found
}

/// The paths of a tree of imports such as `a::{b, c::{d, e}}`.
fn expand(tree: &str) -> Vec<String> {
    let (mut depth, mut parts, mut part) = (0_usize, Vec::new(), String::new());
    for c in tree.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(std::mem::take(&mut part));
                continue;
            }
            _ => {}
        }
        part.push(c);
    }
    parts.push(part);
    let mut paths = Vec::new();
    for part in parts.iter().map(|part| part.trim()).filter(|part| !part.is_empty()) {
        match part.split_once('{') {
            Some((prefix, rest)) => {
                let inner = rest.rsplit_once('}').map_or(rest, |(inner, _)| inner);
                paths.extend(expand(inner).into_iter().map(|path| format!("{prefix}{path}")));
            }
            None => paths.push(part.to_owned()),
        }
    }
    paths
}

/// A path and the name it is imported under.
fn renamed(path: &str) -> (String, String) {
    let (path, name) = path.split_once(" as ").map_or((path, None), |(path, name)| (path, Some(name)));
    let last = path.rsplit("::").next().unwrap_or_default();
    (path.trim().to_owned(), name.unwrap_or(last).trim().to_owned())
}

/// Paths that the code itself spells out, outside of `use` declarations.
fn paths_in_code(text: &str) -> Vec<String> {
    let is_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    // Statements end at semicolons, so a declaration is the end of what lies between two of them.
    let code = text.split(';').map(|statement| match declarations(&format!("{statement};")).first() {
        Some(_) => statement.rsplit_once("use ").map_or("", |(before, _)| before),
        None => statement,
    });
    let words = code.flat_map(|statement| statement.split(move |c: char| !is_path(c))).map(|word| word.trim_matches(':'));
    words.filter(|word| word.contains("::") && word.starts_with(char::is_lowercase)).map(str::to_owned).collect()
}

/// The path from the root of the crate; `None` if it begins with no module of this crate.
fn absolute(path: &str, module: &Module, files: &BTreeMap<Module, String>) -> Option<Module> {
    let mut segments: Vec<&str> = path.split("::").map(str::trim).filter(|s| !s.is_empty()).collect();
    let mut base = module.clone();
    match *segments.first()? {
        "crate" => {
            base.clear();
            segments.remove(0);
        }
        "self" => {
            segments.remove(0);
        }
        "super" => {
            while segments.first() == Some(&"super") {
                base.pop();
                segments.remove(0);
            }
        }
        first => {
            let mut child = base.clone();
            child.push(first.to_owned());
            files.contains_key(&child).then_some(())?;
        }
    }
    base.extend(segments.into_iter().map(str::to_owned));
    Some(base)
}

/// The module that defines what a path names, through the fronts that pass it on.
fn defining(full: &Module, files: &BTreeMap<Module, String>, fronts: &BTreeMap<(Module, String), Module>) -> Option<Module> {
    let mut full = full.clone();
    for _ in 0..8 {
        let length = (0..=full.len()).rev().find(|&length| files.contains_key(&full[..length]))?;
        let (module, rest) = full.split_at(length);
        let passed_on = rest.first().and_then(|name| fronts.get(&(module.to_vec(), name.clone())));
        let Some(passed_on) = passed_on else { return Some(module.to_vec()) };
        full = passed_on.iter().chain(&rest[1..]).cloned().collect();
    }
    None
}

fn crates() -> Vec<CrateImports> {
    CRATES.iter().map(|(name, folder)| CrateImports::read(name, folder)).collect()
}

#[test]
fn no_files_import_each_other_in_a_round() {
    let mut found = Vec::new();
    for all in crates() {
        for circle in all.circles() {
            let paths: Vec<&str> = circle.iter().map(|module| all.files[module].as_str()).collect();
            found.push(paths.join(", "));
        }
    }
    assert_none(&found, "files that import each other in a round");
}

#[test]
fn no_folders_import_each_other_in_a_round() {
    let mut found = Vec::new();
    for all in crates() {
        for circle in all.folders().iter().flat_map(|folder| all.folder(folder).circles()) {
            let names: Vec<String> = circle.iter().map(|module| module.join("::")).collect();
            found.push(format!("{}: {}", all.name, names.join(", ")));
        }
    }
    assert_none(&found, "folders that import each other in a round");
}

/// Rows of ARCHITECTURE's code map: a folder or file, and what it may import.
fn code_map() -> BTreeMap<String, BTreeSet<String>> {
    let text = read(&root().join("ARCHITECTURE.md"));
    let quoted = |cell: &str| -> Vec<String> { cell.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
    let mut rows = BTreeMap::new();
    for table in text.split("| may import |").skip(1) {
        for line in table.lines().skip(2).take_while(|line| line.starts_with('|')) {
            let cells: Vec<&str> = line.trim_matches('|').split('|').collect();
            let folder = quoted(cells[0]).pop().expect("a folder in the first column");
            rows.insert(folder, quoted(cells.last().expect("cells")).into_iter().collect());
        }
    }
    rows
}

/// What the code map should say of each crate, and of each folder and file directly in its sources.
fn imports_by_folder() -> BTreeMap<String, BTreeSet<String>> {
    let mut rows: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (all, (_, sources)) in crates().iter().zip(CRATES) {
        let folder = sources.trim_end_matches("/src");
        rows.entry(folder.to_owned()).or_default().extend(all.outside.values().flatten().map(|&name| name.to_owned()));
        for (module, path) in &all.files {
            let Some(top) = module.first() else { continue };
            // A module with a folder is named by its folder, also where its front stands beside it.
            let is_folder = all.files.keys().any(|other| other.len() > 1 && other.first() == Some(top));
            let row = if is_folder { format!("{sources}/{top}") } else { path.clone() };
            let targets = all.inside.get(module).into_iter().flatten().filter_map(|target| target.first());
            rows.entry(row).or_default().extend(targets.filter(|target| *target != top).cloned());
        }
    }
    rows
}

/// The code map is a rule: what it does not allow must not be imported. And it is no wider than what is.
#[test]
fn folders_import_what_the_code_map_says() {
    let (map, found) = (code_map(), imports_by_folder());
    let mut wrong = Vec::new();
    for (folder, imports) in &found {
        if map.get(folder) != Some(imports) {
            let names: Vec<String> = imports.iter().map(|name| format!("`{name}`")).collect();
            let said = map.get(folder).map_or_else(|| "there is no row".to_owned(), |row| format!("its row says {row:?}"));
            wrong.push(format!("{folder} imports {}; {said}", names.join(", ")));
        }
    }
    let apart = ["tests", "benches"];
    let gone = map.keys().filter(|folder| !found.contains_key(*folder) && !apart.contains(&folder.as_str()));
    wrong.extend(gone.map(|folder| format!("{folder} has a row, and is not there")));
    assert!(found.len() > 40, "only {} folders", found.len());
    assert_none(&wrong, "ARCHITECTURE's code map");
}

/// The list of imports is written to `target/imports.txt`, for whoever wants to look at it.
#[test]
fn imports_are_listed() {
    let list: String = crates().iter().map(CrateImports::list).collect();
    assert!(list.lines().count() > 200 && list.contains(" -> "), "{list}");
    let target = root().join("target");
    fs::create_dir_all(&target).expect("a folder for what is built");
    fs::write(target.join("imports.txt"), list).expect("writable");
}
