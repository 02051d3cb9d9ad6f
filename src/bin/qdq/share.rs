//! Man pages and shell completions in `share/`, in the layout of an installation.
//!
//! The files are generated from [`Args`] and committed, so that packaging for another machine needs no run of
//! the tool. `make share` writes them again.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use clap::{Command, CommandFactory};
use clap_complete::Shell;

use crate::args::Args;

/// The environment variable that makes the test write the files instead of comparing them.
const UPDATE: &str = "QDQ_UPDATE_SHARE";

const COMPLETIONS: [(Shell, &str); 3] = [
    (Shell::Bash, "bash-completion/completions/qdq"),
    (Shell::Fish, "fish/vendor_completions.d/qdq.fish"),
    (Shell::Zsh, "zsh/site-functions/_qdq"),
];

type Files = BTreeMap<PathBuf, String>;

fn generated() -> Files {
    let mut command = Args::command().disable_help_subcommand(true);
    command.build();
    let mut files = Files::new();
    add_pages(&command, &mut files);
    for (shell, path) in COMPLETIONS {
        let mut text = Vec::new();
        clap_complete::generate(shell, &mut Args::command(), "qdq", &mut text);
        files.insert(path.into(), String::from_utf8(text).unwrap());
    }
    files
}

/// Adds a page for the command and for every subcommand. The command's list of subcommands refers to them.
fn add_pages(command: &Command, files: &mut Files) {
    let page = clap_mangen::Man::new(command.clone())
        .source(concat!("qdq ", env!("CARGO_PKG_VERSION")))
        .manual("qdq: INT8 for TensorRT");
    let mut text = Vec::new();
    page.render(&mut text).unwrap();
    files.insert(Path::new("man/man1").join(page.get_filename()), String::from_utf8(text).unwrap());
    command.get_subcommands().for_each(|below| add_pages(below, files));
}

fn committed(root: &Path, folder: &Path, files: &mut Files) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            committed(root, &path, files);
        } else {
            files.insert(path.strip_prefix(root).unwrap().into(), fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn man_pages_and_completions_are_those_of_the_arguments() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("share");
    let expected = generated();
    if std::env::var_os(UPDATE).is_some() {
        for (path, text) in &expected {
            fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
            fs::write(root.join(path), text).unwrap();
        }
    }
    let mut found = Files::new();
    committed(&root, &root, &mut found);
    let differs = |path: &&PathBuf| expected.get(*path) != found.get(*path);
    let mut differing: Vec<_> = expected.keys().chain(found.keys()).filter(differs).collect();
    differing.dedup();
    assert!(
        differing.is_empty(),
        "share/ is not what the arguments say: {differing:?}; run 'make share' and delete strangers"
    );
}
