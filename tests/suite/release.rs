//! The facts that a release states more than once, and the licences of its dependencies.

use std::process::Command;

use crate::environment::{project, run_python};

const VERSION: &str = env!("CARGO_PKG_VERSION");

fn text(path: &str) -> String {
    std::fs::read_to_string(project(path)).unwrap()
}

/// Returns the first text between two others.
fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let rest = text.split_once(before).unwrap_or_else(|| panic!("there is no '{before}'")).1;
    rest.split_once(after).unwrap().0
}

#[test]
fn every_place_states_the_same_version() {
    let manifest = text("Cargo.toml");
    assert_eq!(between(&manifest, "\nversion = \"", "\""), VERSION);
    let changes = text("CHANGELOG.md");
    let top = between(&changes, "\n## ", "\n");
    assert_eq!(top, VERSION, "the top section of CHANGELOG.md is of another version than Cargo.toml");

    // CMake reads the manifest by a pattern, which must match only the package's version.
    let cmake = text("CMakeLists.txt");
    assert!(
        cmake.contains("\"\\n${key} = \\\"([^\\\"]*)\\\"\""),
        "CMakeLists.txt reads Cargo.toml in another way"
    );
    assert!(cmake.contains("project(qdq VERSION \"${cargo_version}\""));
    // The version that programs should request: before 1.0, the minor version decides.
    let minor = VERSION.rsplit_once('.').unwrap().0;
    let asked = between(&text("README.md"), "find_package(qdq ", " ").to_owned();
    assert_eq!(asked, minor, "README.md lets programs ask for another version");
}

#[test]
fn a_tag_is_the_version() {
    let git = |arguments: &[&str]| {
        let ran = Command::new("git").arg("-C").arg(project("")).args(arguments).output().ok()?;
        ran.status.success().then(|| String::from_utf8_lossy(&ran.stdout).into_owned())
    };
    // An unpacked archive has no tags, and neither has a commit that is no release.
    let tags = git(&["tag", "--points-at", "HEAD", "v*"]).unwrap_or_default();
    for tag in tags.lines() {
        assert_eq!(tag, format!("v{VERSION}"), "HEAD is tagged as another version than Cargo.toml's");
    }
}

#[test]
fn the_licences_of_what_is_linked_are_told() {
    run_python(&[project("scripts/licences.py").to_str().unwrap(), "--check"]);
}
