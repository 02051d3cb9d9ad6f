//! The messages of the library suit every caller: a program in C++ has no options of the tool.

use std::path::{Path, PathBuf};

use crate::environment::project;

/// Lists the Rust files of the library.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("src/bin") {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// Lists the string literals in a file of Rust, without comments and tests. Continued lines are joined.
fn literals(source: &str) -> Vec<String> {
    let code = source.split("#[cfg(test)]").next().unwrap_or_default();
    let code: Vec<&str> = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let code: Vec<char> = code.join("\n").replace("'\"'", "").chars().collect();
    let mut literals = Vec::new();
    let mut open: Option<String> = None;
    let mut rest = code.into_iter().peekable();
    while let Some(character) = rest.next() {
        match (&mut open, character) {
            (None, '"') => open = Some(String::new()),
            (None, _) => {}
            (Some(text), '\\') => match rest.next() {
                Some('\n') => while rest.next_if(|next| next.is_whitespace()).is_some() {},
                escaped => text.extend(escaped),
            },
            (Some(_), '"') => literals.extend(open.take()),
            (Some(text), other) => text.push(other),
        }
    }
    literals
}

/// Whether `text` names an option outside of a command line.
fn names_an_option(text: &str) -> bool {
    let separates = |c: char| c.is_whitespace() || "`'\"(),;".contains(c);
    let mut words = text.split(separates).filter(|word| !word.is_empty()).peekable();
    let is_option =
        |word: &&str| word.starts_with("--") && word.chars().nth(2).is_some_and(char::is_alphabetic);
    let before: Vec<&str> = std::iter::from_fn(|| words.next_if(|word| !is_option(word))).collect();
    words.next().is_some() && !["qdq", "cargo"].iter().any(|command| before.contains(command))
}

#[test]
fn the_library_names_no_options_of_the_tool() {
    let files = sources(&project("src"));
    assert!(files.len() > 100, "only {} files", files.len());
    let mut wrong = Vec::new();
    for file in files {
        let source = std::fs::read_to_string(&file).unwrap();
        let named = literals(&source).into_iter().filter(|text| names_an_option(text));
        wrong.extend(named.map(|text| format!("{}: {text}", file.display())));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn options_are_told_from_command_lines() {
    for (text, expected) in [
        ("use `--runtime onnxruntime`", true),
        ("calibrate with the same --include and --exclude", true),
        ("write it anew with 'qdq calibrate --ranges'", false),
        ("a -- b, and x--y", false),
    ] {
        assert_eq!(names_an_option(text), expected, "{text}");
    }
    let source = "// \"--a\"\nlet x = ['\"', \"a \\\n   b\"];\n#[cfg(test)]\n\"--c\"";
    assert_eq!(literals(source), ["a b"]);
}

/// Each phrase to which the tool adds an option is a phrase of the library.
#[test]
fn the_tool_adds_options_to_what_the_library_says() {
    let tool = std::fs::read_to_string(project("src/bin/qdq/term.rs")).unwrap();
    let table = tool.split("const TYPED").nth(1).and_then(|rest| rest.split("];").next()).unwrap();
    let phrases: Vec<String> = literals(table).into_iter().step_by(2).collect();
    assert!(phrases.len() >= 6, "{phrases:?}");
    let files = sources(&project("src"));
    let said: Vec<String> =
        files.iter().flat_map(|file| literals(&std::fs::read_to_string(file).unwrap())).collect();
    for phrase in phrases {
        assert!(said.iter().any(|text| text.contains(&phrase)), "nothing says '{phrase}'");
    }
}

/// `docs/findings.md` lists the functions and commands that report each finding. Its texts are those of the
/// library, its functions exist, no cell is empty, and it lists every module that makes findings.
#[test]
fn every_finding_reaches_every_interface() {
    let root = project("src");
    let document = std::fs::read_to_string(project("docs/findings.md")).unwrap();
    let header = std::fs::read_to_string(project("include/qdq/qdq.h")).unwrap();
    let rows = document.lines().filter(|line| line.starts_with("| `"));
    let rows: Vec<Vec<&str>> =
        rows.map(|row| row.trim_matches('|').split(" | ").map(str::trim).collect()).collect();
    assert!(rows.len() > 10);
    let quoted =
        |cell: &str| -> Vec<String> { cell.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
    let mut listed = std::collections::BTreeSet::new();
    for row in &rows {
        let [said, in_c, in_cpp, file] = row[..] else { panic!("{row:?}") };
        assert!(row.iter().all(|cell| !cell.is_empty()), "{row:?}");
        let (said, file) = (&quoted(said)[0], &quoted(file)[0]);
        let source = std::fs::read_to_string(root.join(file)).unwrap();
        assert!(
            literals(&source).iter().any(|text| text.contains(said.as_str())),
            "{file} does not say '{said}'"
        );
        for function in quoted(in_c).iter().filter(|name| name.starts_with("qdq_")) {
            assert!(header.contains(&format!("{function}(")), "there is no {function}");
        }
        for method in quoted(in_cpp).iter().filter_map(|name| name.split_once("::")) {
            let words = method.0.char_indices().map(|(at, c)| match at > 0 && c.is_uppercase() {
                true => format!("_{}", c.to_lowercase()),
                false => c.to_lowercase().to_string(),
            });
            let class: String = words.collect();
            let text = std::fs::read_to_string(project(&format!("cpp/qdq/{class}.hpp"))).unwrap();
            assert!(text.contains(&format!(" {}(", method.1)), "{method:?}");
        }
        listed.insert(file.clone());
    }
    for file in sources(&root) {
        let source = std::fs::read_to_string(&file).unwrap();
        let code = source.split("#[cfg(test)]").next().unwrap_or_default();
        let name = file.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
        let makes = ["Finding::note(", "Finding::warning(", "Finding::error(", "Finding { severity"];
        let is_made = makes.iter().any(|call| code.contains(call)) && name != "finding.rs";
        assert!(
            !is_made || listed.contains(&name),
            "{name} makes findings that docs/findings.md does not list"
        );
    }
}
