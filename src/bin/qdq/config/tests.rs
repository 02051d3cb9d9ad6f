use std::path::Path;

use clap::ArgAction;

use super::*;

/// Returns the commands that take options from a file, with their names.
fn commands(whole: &Command) -> Vec<(Vec<String>, &Command)> {
    let mut found = Vec::new();
    let mut open: Vec<(Vec<String>, &Command)> = vec![(Vec::new(), whole)];
    while let Some((chain, command)) = open.pop() {
        if command.get_arguments().any(|arg| arg.get_long() == Some("config")) {
            found.push((chain.clone(), command));
        }
        let below = command.get_subcommands().filter(|below| below.get_name() != "help");
        open.extend(below.map(|below| ([chain.clone(), vec![below.get_name().to_owned()]].concat(), below)));
    }
    found
}

fn whole() -> Command {
    let mut whole = Args::command();
    whole.build();
    whole
}

/// A value that clap takes for the argument.
fn example(arg: &clap::Arg) -> String {
    let possible = arg.get_possible_values();
    match (possible.last(), arg.get_id().as_str()) {
        _ if keys::is_flag(arg) => "true".to_owned(),
        (Some(value), _) => value.get_name().to_owned(),
        (None, "opset") => "17".to_owned(),
        (None, "weight_bits") => "4".to_owned(),
        _ => "3".to_owned(),
    }
}

fn words(line: &[&str]) -> Vec<OsString> {
    line.iter().map(OsString::from).collect()
}

/// Reads a command line and returns the arguments of its last command that are given, with their values.
fn read_words(line: &[&str]) -> Result<Vec<(String, Vec<String>)>, String> {
    let whole = whole();
    let (found, _) = read(&words(line)).map_err(|refusal| match refusal {
        Refusal::Usage(error, origins) => {
            let text = error.render().to_string();
            origins.named_in(&text).iter().fold(text.clone(), |all, line| format!("{all}\n{line}"))
        }
        Refusal::File(error) => format!("{}\nhelp: {}", error.message(), error.remedy().unwrap_or_default()),
    })?;
    let (_, command, given) = leaf(&whole, &found);
    let all = keys::all(command).into_iter().filter(|(_, arg)| is_typed(given, arg.get_id().as_str()));
    let text = |value: OsString| value.into_string().unwrap();
    Ok(all
        .map(|(key, arg)| {
            let values = typed_values(given, arg.get_id().as_str());
            (key, values.into_iter().map(text).collect())
        })
        .collect())
}

/// Arguments that need another one, and that one.
const REQUIRED: &[(&str, &str)] = &[
    ("seed", "limit"),
    ("top-k", "max_disagreement"),
    ("min-metric", "metric"),
    ("max-metric", "metric"),
    ("metric-timeout", "metric"),
];

/// Every argument that a command has can be set by the file alone, and is then what the command line gives.
#[test]
fn every_argument_of_every_command_can_stand_in_the_file() {
    let whole = whole();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("options.toml");
    let commands = commands(&whole);
    assert!(commands.len() >= 7, "{commands:?}");
    let mut tried = 0;
    for (chain, command) in commands {
        let arguments = keys::all(command);
        let left_out: Vec<&str> = command
            .get_arguments()
            .filter(|arg| !arguments.iter().any(|(_, known)| known.get_id() == arg.get_id()))
            .map(|arg| arg.get_id().as_str())
            .collect();
        let allowed = ["help", "config", "save_config"];
        assert!(left_out.iter().all(|id| allowed.contains(id)), "{chain:?}: {left_out:?}");
        for (key, arg) in &arguments {
            let same = arguments.iter().filter(|(other, _)| other == key).count();
            assert_eq!(same, 1, "{chain:?}: '{key}' is the key of two arguments");
            // The command gets its required arguments and those of the option, but none that it excludes.
            let excluded = command.get_arg_conflicts_with(arg);
            let needed = |other: &clap::Arg| {
                other.is_required_set() || REQUIRED.contains(&(key.as_str(), other.get_id().as_str()))
            };
            let mut text = String::new();
            for (other, needed) in arguments.iter().filter(|(other, arg)| needed(arg) && other != key) {
                if !excluded.iter().any(|arg| arg.get_id() == needed.get_id()) {
                    text += &format!("{other} = \"3\"\n");
                }
            }
            let value = example(arg);
            let shown = match arg.get_action() {
                ArgAction::SetTrue => value.clone(),
                _ if value.parse::<f64>().is_ok() && !keys::is_path(arg) => value.clone(),
                _ => format!("\"{value}\""),
            };
            std::fs::write(&file, format!("{text}{key} = {shown}\n")).unwrap();
            let line: Vec<&str> = ["qdq"]
                .into_iter()
                .chain(chain.iter().map(String::as_str))
                .chain(["--config", file.to_str().unwrap()])
                .collect();
            let given = read_words(&line).unwrap_or_else(|error| panic!("{chain:?} {key}: {error}"));
            let expected = match keys::is_path(arg) {
                true => folder.path().join(&value).to_str().unwrap().to_owned(),
                false => value,
            };
            let found = given.iter().find(|(found, _)| found == key);
            assert_eq!(found, Some(&(key.clone(), vec![expected])), "{chain:?}");
            tried += 1;
        }
    }
    assert!(tried > 200, "{tried}");
}

/// All arguments at once, but for those that exclude each other, go into a file and come out of it again.
#[test]
fn every_argument_of_every_command_is_saved() {
    let whole = whole();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("saved.toml");
    for (chain, command) in commands(&whole) {
        let mut taken: Vec<&clap::Arg> = Vec::new();
        for (_, arg) in keys::all(command) {
            let excludes = |one: &clap::Arg, other: &clap::Arg| {
                command.get_arg_conflicts_with(one).iter().any(|found| found.get_id() == other.get_id())
            };
            if !taken.iter().any(|other| excludes(arg, other) || excludes(other, arg)) {
                taken.push(arg);
            }
        }
        let (mut options, mut places) = (Vec::new(), Vec::new());
        for arg in &taken {
            let (key, _) =
                keys::all(command).into_iter().find(|(_, known)| known.get_id() == arg.get_id()).unwrap();
            // Not every text is TOML as it is.
            let value = match keys::is_text(arg) {
                true => "a\\b \"c\" d".to_owned(),
                false => example(arg),
            };
            let words = keys::words(arg, &key, &[value.into()]);
            if arg.is_positional() { places.extend(words) } else { options.extend(words) }
        }
        let start = std::iter::once("qdq".to_owned()).chain(chain.iter().cloned()).map(OsString::from);
        let line: Vec<OsString> = start.clone().chain(options).chain(["--".into()]).chain(places).collect();
        let typed = Args::command().try_get_matches_from(&line).unwrap_or_else(|error| panic!("{error}"));
        let (_, _, given) = leaf(&whole, &typed);
        let names: Vec<&str> = chain.iter().map(String::as_str).collect();
        std::fs::write(&file, save::text(Path::new("saved.toml"), (&names, command), given).unwrap())
            .unwrap();
        let again = start.chain(["--config".into(), file.clone().into()]).collect::<Vec<_>>();
        let Ok((found, _)) = read(&again) else { panic!("{}", std::fs::read_to_string(&file).unwrap()) };
        let (_, _, found) = leaf(&whole, &found);
        for arg in &taken {
            let id = arg.get_id().as_str();
            let expected: Vec<OsString> = typed_values(given, id)
                .into_iter()
                .map(|value| if keys::is_path(arg) { folder.path().join(value).into() } else { value })
                .collect();
            assert_eq!((is_typed(found, id), typed_values(found, id)), (true, expected), "{chain:?} {id}");
        }
    }
}

/// A command with data or a policy is a run, whose options a user may want to keep.
#[test]
fn every_command_of_a_run_takes_a_file() {
    let whole = whole();
    for command in whole.get_subcommands() {
        let has = |name: &str| command.get_arguments().any(|arg| arg.get_long() == Some(name));
        let is_run = has("data") || has("include");
        assert_eq!(is_run, has("config"), "{}", command.get_name());
        assert_eq!(has("config"), has("save-config"), "{}", command.get_name());
    }
}

fn with_file(text: &str, line: &[&str]) -> Result<Vec<(String, Vec<String>)>, String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("q.toml");
    std::fs::write(&file, text).unwrap();
    let file = file.to_str().unwrap();
    let line: Vec<&str> = line.iter().map(|word| if *word == "FILE" { file } else { word }).collect();
    let found = read_words(&line).map_err(|error| error.replace(file, "q.toml"));
    let prefix = format!("{}/", folder.path().to_str().unwrap());
    found.map(|all| {
        let plain = |value: String| value.replace(&prefix, "");
        all.into_iter().map(|(key, values)| (key, values.into_iter().map(plain).collect())).collect()
    })
}

fn value(found: &[(String, Vec<String>)], key: &str) -> Option<String> {
    found.iter().find(|(known, _)| known == key).map(|(_, values)| values.join(" "))
}

#[test]
fn the_command_line_goes_before_the_file() {
    let text = "model = \"m.onnx\"\ndata = [\"a.npz\", 'x=b.npz']\noutput = \"o.onnx\"\nlimit = 8\nmean = [0.5, -1, 1e-3]\n\
                bf16 = true\nverbose = true\nequalize = false\ninclude = []\ntensorrt-version = 10.30\n";
    let found = with_file(text, &["qdq", "quantize", "--config", "FILE"]).unwrap();
    for (key, expected) in [
        ("model", Some("m.onnx")),
        ("data", Some("a.npz x=b.npz")),
        ("limit", Some("8")),
        ("mean", Some("0.5 -1 1e-3")),
        ("bf16", Some("true")),
        ("verbose", Some("true")),
        ("equalize", None),
        ("include", None),
        ("tensorrt-version", Some("10.30")),
    ] {
        assert_eq!(value(&found, key).as_deref(), expected, "{key}");
    }
    let line =
        ["qdq", "-q", "quantize", "--limit=4", "--fp16", "-d", "c.npz", "--config", "FILE", "--", "n.onnx"];
    let found = with_file(text, &line).unwrap();
    for (key, expected) in [
        ("model", Some("n.onnx")),
        ("data", Some("c.npz")),
        ("output", Some("o.onnx")),
        ("limit", Some("4")),
        // These exclude what the command line says.
        ("bf16", None),
        ("fp16", Some("true")),
        ("verbose", None),
        ("quiet", Some("true")),
    ] {
        assert_eq!(value(&found, key).as_deref(), expected, "{key}");
    }
    let text = "float = \"f\"\nquantized = \"q\"\ndata = \"d\"\nmin-sqnr = -3.5";
    let found = with_file(text, &["qdq", "compare", "--config=FILE", "other"]);
    assert!(found.is_err(), "no file has that name");
    let found = with_file(text, &["qdq", "compare", "--config", "FILE", "other"]).unwrap();
    assert_eq!(value(&found, "float").as_deref(), Some("other"));
    assert_eq!(value(&found, "quantized").as_deref(), Some("q"));
    assert_eq!(value(&found, "min-sqnr").as_deref(), Some("-3.5"));
    let found =
        with_file("data = \"d\"\n", &["qdq", "calibrate", "m", "--from-stats", "s", "--config", "FILE"]);
    assert_eq!(value(&found.unwrap(), "data"), None);
}

#[test]
fn what_is_wrong_in_the_file_is_said_with_its_line() {
    let (deep, dotted) =
        (format!("data = {}", "[".repeat(100_000)), format!("a{} = 1", ".a".repeat(100_000)));
    for (text, parts) in [
        (
            "\nmethd = \"max\"",
            &["q.toml, line 2: 'quantize' has no option 'methd'", "did you mean 'method'?"][..],
        ),
        ("batch_size = 3", &["line 1: 'quantize' has no option 'batch_size'", "did you mean 'batch-size'?"]),
        ("zzz = 3", &["has no option 'zzz'", "'qdq help quantize' lists the options"]),
        ("help = true", &["has no option 'help'"]),
        ("[data]\nx = 1", &["line 1: 'data' takes no table", "write data = "]),
        ("a = 1\n[placemnt]\nx = 1", &["line 1: 'quantize' has no option 'a'"]),
        (
            "\n[placement]\nx = 1",
            &["line 2: 'placement' is a section, and the options of 'quantize' are in none"],
        ),
        ("config = \"x\"", &["'config' is for the command line alone"]),
        ("save-config = \"x\"", &["'save-config' is for the command line alone"]),
        ("limit = 1\nlimit = 2", &["q.toml, line 2: duplicate key"]),
        ("limit = ", &["q.toml, line 1: ", "write it as TOML"]),
        (&deep, &["q.toml, line 1: ", "max recursion depth met"]),
        (&dotted, &["q.toml, line 1: ", "recursion limit"]),
        ("\u{feff}limit = 1\r\nlimitt = 2\r\n", &["line 2: 'quantize' has no option 'limitt'"]),
        ("limit = true", &["line 1: 'limit' takes no boolean", "write limit = "]),
        ("limit = [1, 2]", &["'limit' takes no array"]),
        (
            "limit = \"many\"",
            &["q.toml, line 1: invalid value 'many' for '--limit <N>'", "help: see 'qdq help quantize'"],
        ),
        (
            "\n\nfeeds = \"x\"",
            &["line 3: invalid value 'x' for '--feeds <FEEDS>'", "[possible values: auto, samples, whole]"],
        ),
        ("opset = 99", &["invalid value '99' for '--opset <N>'", "99 is not in 13..=22"]),
        ("mean = [0.5, \"a\"]", &["invalid value 'a' for '--mean <A,B,C>'"]),
        ("include = [\"a\", [\"b\"]]", &["'include' has an element that is neither text nor number"]),
        ("include = 1979-05-27", &["'include' takes no datetime"]),
        ("fp16 = \"yes\"", &["'fp16' takes no string", "write fp16 = true"]),
        ("fp16 = 1", &["'fp16' takes no integer"]),
        // Errors of the whole are clap's own, with the lines of the options that they name.
        (
            "limit = 1\nfp16 = true\nbf16 = true",
            &[
                "'--fp16' cannot be used with '--bf16'",
                "--fp16 is set in q.toml, line 2",
                "--bf16 is set in q.toml, line 3",
            ],
        ),
        ("seed = 1", &["required arguments were not provided", "--limit <N>"]),
        ("", &["required arguments were not provided", "<MODEL>"]),
    ] {
        let error = with_file(text, &["qdq", "quantize", "--config", "FILE"]).unwrap_err();
        for part in parts {
            assert!(error.contains(part), "{text:.80}: '{part}' is not in\n{error}");
        }
    }
}

#[test]
fn errors_of_the_command_line_are_those_without_a_file() {
    for line in [&["--limitt", "3"][..], &["--limit", "x"], &["--help"]] {
        let with = [&["qdq", "quantize", "--config", "FILE"][..], line].concat();
        let without = [&["qdq", "quantize"][..], line].concat();
        assert_eq!(with_file("", &with).unwrap_err(), read_words(&without).unwrap_err());
    }
    // A value is no option, and a command without files of options has none.
    let line = ["qdq", "inspect", "--", "--config"];
    assert_eq!(value(&read_words(&line).unwrap(), "model").as_deref(), Some("--config"));
    assert!(
        read_words(&["qdq", "info", "--config", "x"]).unwrap_err().contains("unexpected argument '--config'")
    );
}

#[test]
fn an_option_is_named_by_its_whole_name() {
    assert!(
        names("--limit: x", "--limit") && names("see '--limit'", "--limit") && names("a --limit", "--limit")
    );
    assert!(!names("--limit-of x", "--limit") && !names("--limits", "--limit"));
}

#[test]
fn ways_lead_from_folder_to_folder() {
    for (from, to, way) in [
        ("/a/b", "/a/b", ""),
        ("/a/b/runs", "/a/b", ".."),
        ("/a/b", "/a/b/c", "c"),
        ("/a/b/c/d", "/a/x", "../../../x"),
        ("/tmp", "/a/b", "/a/b"),
        ("/", "/a/b", "/a/b"),
    ] {
        assert_eq!(paths::way(Path::new(from), Path::new(to)), Path::new(way), "{from} {to}");
    }
}
