//! The rules of CONTRIBUTING.md for comments.

use std::path::{Path, PathBuf};

use crate::environment::project;

const FOLDERS: [&str; 8] = [
    "src",
    "cpp",
    "include",
    "tests",
    "examples",
    "benches",
    "crates/resize",
    "crates/onnx-proto/src/lib.rs",
];
const MOST_COLUMNS: usize = 110;

/// Lists the files in Rust, C and C++ below a path.
fn sources(path: &Path) -> Vec<PathBuf> {
    if path.is_dir() {
        let entries = std::fs::read_dir(path).unwrap();
        return entries.flat_map(|entry| sources(&entry.unwrap().path())).collect();
    }
    let ending = path.extension().and_then(|ending| ending.to_str());
    let is_source = matches!(ending, Some("rs" | "c" | "h" | "cpp" | "hpp"));
    is_source.then(|| path.to_owned()).into_iter().collect()
}

/// Returns the text of a line that contains only a comment.
fn comment(line: &str) -> Option<&str> {
    let line = line.trim_start();
    ["///", "//!", "//", "* "].iter().find_map(|mark| line.strip_prefix(mark))
}

/// Lists the lines of running text in comments, with their numbers: no tables and no code.
fn running_text(source: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut is_code = false;
    (1..).zip(source.lines()).filter(move |(_, line)| {
        let Some(text) = comment(line) else {
            is_code = false;
            return false;
        };
        let is_fence = text.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence && !text.trim_start().starts_with('|') && !text.starts_with("     ")
    })
}

#[test]
fn comments_have_one_width() {
    let mut wide = Vec::new();
    for path in FOLDERS.iter().flat_map(|folder| sources(&project(folder))) {
        let source = std::fs::read_to_string(&path).unwrap();
        let lines = running_text(&source).filter(|(_, line)| line.chars().count() > MOST_COLUMNS);
        wide.extend(lines.map(|(number, _)| format!("{}:{number}", path.display())));
    }
    assert!(wide.is_empty(), "comments of more than {MOST_COLUMNS} columns:\n{}", wide.join("\n"));
}

/// Words that begin a clause in place of a name.
const CLAUSES: [&str; 5] = ["What ", "Whatever ", "Who ", "Whoever ", "Where "];

#[test]
fn no_sentence_of_a_comment_begins_with_a_clause_in_place_of_a_name() {
    let mut found = Vec::new();
    for path in FOLDERS.iter().flat_map(|folder| sources(&project(folder))) {
        let source = std::fs::read_to_string(&path).unwrap();
        let is_clause = |text: &str| CLAUSES.iter().any(|word| text.starts_with(word)) && !text.contains('?');
        let begins = |line: &str| comment(line).is_some_and(|text| is_clause(text.trim_start()));
        let lines = running_text(&source).filter(|(_, line)| begins(line));
        found.extend(lines.map(|(number, line)| format!("{}:{number}:{line}", path.display())));
    }
    assert!(found.is_empty(), "name the subject, see CONTRIBUTING.md:\n{}", found.join("\n"));
}

#[test]
fn running_text_is_told_from_tables_and_code() {
    let source =
        "/// text\n/// | table |\n/// ```\n/// code\n/// ```\n///     code\nlet x; // after code\n  * in C\n";
    let found: Vec<usize> = running_text(source).map(|(number, _)| number).collect();
    assert_eq!(found, [1, 8]);
}
