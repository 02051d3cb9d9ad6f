//! The layers: a module uses only the modules that `src/lib.rs` lists before it, and the files of one module
//! never use each other in a circle.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::environment::project;

/// `onnx::upgrade::convert` as its parts.
type Module = Vec<String>;

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Lists words, `::`, and all other characters one by one, without comments, texts and tests.
fn tokens(text: &str) -> Vec<String> {
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap();
    let mut found = Vec::new();
    for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
        let mut rest = line;
        while let Some(first) = rest.chars().next() {
            let is_part = |c: char| c.is_alphanumeric() || c == '_';
            let len = match first {
                _ if is_part(first) => rest.find(|c| !is_part(c)).unwrap_or(rest.len()),
                '"' => rest[1..].find('"').map_or(rest.len(), |end| end + 2),
                _ if rest.starts_with("::") => 2,
                _ => first.len_utf8(),
            };
            found.extend(Some(rest[..len].to_owned()).filter(|token| !token.trim().is_empty()));
            rest = &rest[len..];
        }
    }
    found
}

/// Lists the paths that begin with `start` at the first of `tokens`: several if it ends in braces.
fn paths(tokens: &[String], start: Module) -> Vec<Module> {
    match tokens {
        [colons, open, rest @ ..] if colons == "::" && open == "{" => {
            let (mut found, mut depth) = (Vec::new(), 0);
            for (at, token) in rest.iter().enumerate() {
                let begins = at == 0 || matches!(rest[at - 1].as_str(), "," | "{");
                match token.as_str() {
                    "{" => depth += 1,
                    "}" if depth == 0 => break,
                    "}" => depth -= 1,
                    name if begins && depth == 0 => {
                        let first =
                            start.iter().cloned().chain(Some(name.to_owned()).filter(|name| name != "self"));
                        found.extend(paths(&rest[at + 1..], first.collect()));
                    }
                    _ => {}
                }
            }
            found
        }
        [colons, name, rest @ ..] if colons == "::" && name != "<" => {
            let mut path = start;
            match name.as_str() {
                "super" => drop(path.pop()),
                _ => path.push(name.clone()),
            }
            paths(rest, path)
        }
        _ => vec![start],
    }
}

/// The paths that each module uses, from the crate's root.
struct Imports(BTreeMap<Module, Vec<Module>>);

impl Imports {
    fn of(root: &Path) -> Self {
        let module = |path: &Path| -> Module {
            let inside = path.strip_prefix(root).unwrap().with_extension("");
            let parts = inside.iter().map(|part| part.to_str().unwrap().to_owned());
            parts.filter(|part| !matches!(part.as_str(), "mod" | "lib" | "main")).collect()
        };
        let files = sources(root);
        let texts: Vec<(Module, Vec<String>)> = files
            .iter()
            .map(|path| (module(path), tokens(&std::fs::read_to_string(path).unwrap())))
            .collect();
        let known: BTreeSet<Module> = texts.iter().map(|(module, _)| module.clone()).collect();
        let named = |module: &Module, tokens: &[String]| -> Vec<Module> {
            let mut found = Vec::new();
            for (at, token) in tokens.iter().enumerate() {
                let before = at.checked_sub(1).map_or("", |before| tokens[before].as_str());
                let child = || module.iter().chain([token]).cloned().collect::<Module>();
                let start = match token.as_str() {
                    _ if before == "::" => continue,
                    "crate" => Module::new(),
                    "self" => module.clone(),
                    "super" => module[..module.len().saturating_sub(1)].to_vec(),
                    _ if before == "use" && known.contains(&child()) => child(),
                    _ => continue,
                };
                found.extend(paths(&tokens[at + 1..], start));
            }
            found
        };
        Self(texts.iter().map(|(module, tokens)| (module.clone(), named(module, tokens))).collect())
    }

    /// Returns the module that a path belongs to. An item that a module re-exports from a submodule belongs
    /// to it.
    fn home(&self, path: &[String]) -> Module {
        let len = (0..=path.len()).rev().find(|&len| self.0.contains_key(&path[..len])).unwrap_or(0);
        let (module, Some(name)) = (&path[..len], path.get(len)) else { return path.to_vec() };
        let handed = self.0.get(module).into_iter().flatten();
        let handed = handed
            .filter(|from| from.len() > len + 1 && from.starts_with(module) && from.last() == Some(name));
        handed.map(|from| self.home(from)).next().unwrap_or_else(|| module.to_vec())
    }

    /// For each module, lists pairs of its submodules, of which one uses the other, with a file that shows
    /// it.
    fn inside(&self) -> BTreeMap<Module, BTreeMap<(String, String), Module>> {
        let mut found: BTreeMap<Module, BTreeMap<_, _>> = BTreeMap::new();
        for (user, named) in &self.0 {
            for used in named.iter().map(|path| self.home(path)) {
                let same = user.iter().zip(&used).take_while(|(one, other)| one == other).count();
                if let (Some(one), Some(other)) = (user.get(same), used.get(same)) {
                    let uses = found.entry(user[..same].to_vec()).or_default();
                    uses.entry((one.clone(), other.clone())).or_insert_with(|| user.clone());
                }
            }
        }
        found
    }
}

/// Lists the names that can be reached from themselves.
fn in_circles<'a>(uses: impl Iterator<Item = &'a (String, String)> + Clone) -> BTreeSet<&'a str> {
    let reached = |start: &'a str| {
        let mut reached = BTreeSet::new();
        let mut open = vec![start];
        while let Some(name) = open.pop() {
            let next = uses.clone().filter(|(user, _)| user == name).map(|(_, used)| used.as_str());
            open.extend(next.filter(|next| reached.insert(*next)));
        }
        reached
    };
    uses.clone().map(|(user, _)| user.as_str()).filter(|name| reached(name).contains(name)).collect()
}

#[test]
fn no_module_uses_a_later_one() {
    let list = std::fs::read_to_string(project("src/lib.rs")).unwrap();
    let layers: Vec<&str> =
        list.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    assert!(layers.len() > 10 && layers[0] == "error", "{layers:?}");
    let inside = Imports::of(&project("src")).inside();
    let uses = &inside[&Module::new()];
    assert!(uses.len() > 80, "only {} uses found: the test no longer reads the sources rightly", uses.len());
    let place = |name: &str| layers.iter().position(|layer| *layer == name);
    for ((user, used), file) in uses {
        let (Some(at), Some(used_at)) = (place(user), place(used)) else { continue };
        assert!(used_at < at, "{} uses {used}, which lies above it", file.join("::"));
    }
}

#[test]
fn no_files_of_a_module_use_each_other_in_a_circle() {
    let mut wrong = Vec::new();
    for (module, uses) in Imports::of(&project("src")).inside() {
        let circle = in_circles(uses.keys());
        let within = uses.iter().filter(|((user, used), _)| {
            !module.is_empty() && circle.contains(user.as_str()) && circle.contains(used.as_str())
        });
        wrong.extend(within.map(|((_, used), file)| format!("{} uses {used}", file.join("::"))));
    }
    assert!(wrong.is_empty(), "in circles:\n{}", wrong.join("\n"));
}

#[test]
fn imports_are_read_in_every_form() {
    let text = "use crate::{a, b::{self, c}};\nuse super::{d::e as f};\n// crate::no\nlet x = \"crate::no\";\nself::g::h();";
    let read = tokens(text);
    let starts = read.iter().enumerate().filter(|(at, token)| {
        matches!(token.as_str(), "crate" | "super") || *token == "self" && read[*at + 1] == "::"
    });
    let found: Vec<String> = starts
        .flat_map(|(at, _)| paths(&read[at + 1..], Module::new()))
        .map(|path| path.join("::"))
        .collect();
    assert_eq!(found, ["a", "b", "b::c", "d::e", "g::h"]);
    let circle: Vec<_> =
        [("a", "b"), ("b", "c"), ("c", "b")].map(|(a, b)| (a.to_owned(), b.to_owned())).into();
    assert_eq!(in_circles(circle.iter()).into_iter().collect::<Vec<_>>(), ["b", "c"]);
}

#[test]
fn the_tool_uses_only_the_public_library() {
    let folder = project("src/bin");
    for path in sources(&folder) {
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!text.contains("#[path"), "{} includes a library file", path.display());
    }
}

#[test]
fn unsafe_code_is_only_where_the_architecture_says() {
    let text = std::fs::read_to_string(project("ARCHITECTURE.md")).unwrap();
    let said = text.split("**Unsafe has an address.**").nth(1).unwrap().split("\n\n").next().unwrap();
    let said: BTreeSet<&str> = said.split('`').filter(|part| part.starts_with("src/")).collect();
    let root = project("");
    let allowing = sources(&project("src")).into_iter().filter(|path| {
        let source = std::fs::read_to_string(path).unwrap();
        let lines: Vec<&str> = source.lines().map(str::trim_start).collect();
        lines.windows(2).any(|pair| {
            let opens = |line: &str| line.starts_with("#[allow(") || line.starts_with("#![allow(");
            opens(pair[0]) && (pair[0].contains("unsafe_code") || pair[1].starts_with("unsafe_code"))
        })
    });
    let found: BTreeSet<String> = allowing
        .map(|path| path.strip_prefix(&root).unwrap().to_str().unwrap().replace("/mod.rs", ""))
        .collect();
    assert_eq!(found.iter().map(String::as_str).collect::<BTreeSet<_>>(), said);
}
