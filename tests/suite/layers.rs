//! The layers: a module uses only those that `src/lib.rs` lists before it.

use std::path::{Path, PathBuf};

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
    found
}

fn imports(text: &str) -> Vec<String> {
    let name = |rest: &str| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| line.split("crate::").skip(1).map(name).collect::<Vec<_>>())
        .filter(|name| !name.is_empty())
        .collect()
}

#[test]
fn no_module_uses_a_later_one() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let list = std::fs::read_to_string(source.join("lib.rs")).unwrap();
    let layers: Vec<&str> =
        list.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    assert!(layers.len() > 10 && layers[0] == "error", "{layers:?}");
    let mut checked = 0;
    for path in sources(&source) {
        let inside = path.strip_prefix(&source).unwrap();
        let first = inside.iter().next().unwrap().to_str().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let Some(at) = layers.iter().position(|layer| *layer == first.trim_end_matches(".rs")) else {
            continue;
        };
        for import in imports(&text) {
            if let Some(used) = layers.iter().position(|layer| *layer == import) {
                assert!(used <= at, "{} uses {import}, which lies above it", inside.display());
                checked += 1;
            }
        }
    }
    assert!(checked > 20, "only {checked} imports found: the test no longer reads the sources rightly");
}

#[test]
fn the_tool_uses_only_the_public_library() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bin");
    for path in sources(&folder) {
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!text.contains("#[path"), "{} includes a library file", path.display());
    }
}
