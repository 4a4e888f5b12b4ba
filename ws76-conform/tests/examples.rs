//! Every public item of the libraries is shown in an example of its documentation.
//!
//! A type, trait or function has one of its own; a method has one too, or is called in another one of
//! its crate. The sources are read line by line, as rustfmt leaves them.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
};

const CRATES: [&str; 4] = [
    "ws76-codec",
    "ws76-handshake",
    "ws76-server",
    "ws76-conform",
];

#[test]
fn every_public_item_is_shown_in_an_example() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for name in CRATES {
        let src = root.join(name).join("src");
        let exported = exported(&fs::read_to_string(src.join("lib.rs")).unwrap());
        assert!(exported.len() > 10, "{name}: {exported:?}");
        let mut items = Vec::new();
        for file in files(&src) {
            items.extend(items_of(&fs::read_to_string(file).unwrap()));
        }
        let missing = not_shown(&items, &exported);
        assert!(missing.is_empty(), "{name} has no example of {missing:?}");
    }
}

#[test]
fn item_without_an_example_is_found() {
    let exported = exported("pub use a::{Shown, Bare};\npub use b::free;\n");
    let items = items_of(
        "/// A type.\n///\n/// ```\n/// Shown::new().used();\n/// ```\n#[derive(Debug)]\n\
         pub struct Shown;\n\nimpl Shown {\n    /// Used.\n    pub const fn used(&self) {}\n\
         \n    /// Not used.\n    pub fn odd(&self) {}\n\n    fn private() {}\n}\n\
         \n/// ```text\n/// no code\n/// ```\n#[expect(\n    clippy::all,\n    reason = \"a\"\n)]\n\
         pub enum Bare {}\n\n/// Free.\npub fn free() {}\n\npub struct Hidden;\n",
    );
    let missing = not_shown(&items, &exported);
    assert_eq!(missing, ["Shown::odd", "Bare", "free"]);
}

/// A public item, or another thing with documentation.
#[derive(Debug, Default)]
struct Item {
    /// What it belongs to, if it is a method.
    of: Option<String>,
    /// Empty where it is no item that needs an example.
    name: String,
    /// The code in its documentation.
    code: String,
}

/// The items of `exported`, and their methods, that no example shows.
fn not_shown(items: &[Item], exported: &HashSet<String>) -> Vec<String> {
    let shown: HashSet<&str> = items.iter().flat_map(|item| words(&item.code)).collect();
    let missing = items.iter().filter_map(|item| match &item.of {
        Some(of) if !exported.contains(of) || shown.contains(&*item.name) => None,
        Some(of) => Some(format!("{of}::{}", item.name)).filter(|_| item.code.is_empty()),
        None if !exported.contains(&item.name) => None,
        None => Some(item.name.clone()).filter(|_| item.code.is_empty()),
    });
    missing.collect()
}

/// What a crate's root names in `pub use`.
fn exported(root: &str) -> HashSet<String> {
    let uses = root.split("pub use ").skip(1);
    let lists = uses.filter_map(|rest| rest.split(';').next());
    lists.flat_map(words).map(str::to_owned).collect()
}

fn items_of(source: &str) -> Vec<Item> {
    let mut items = Vec::new();
    let (mut code, mut in_attribute) = (String::new(), false);
    // Whether a block is one of code.
    let mut block: Option<bool> = None;
    // The type or trait whose methods come, and whether these need no `pub`.
    let mut of: Option<(String, bool)> = None;
    for line in source.lines() {
        let text = line.trim_start();
        if let Some(doc) = text
            .strip_prefix("///")
            .or_else(|| text.strip_prefix("//!"))
        {
            match doc.trim().strip_prefix("```") {
                Some(_) if block.is_some() => block = None,
                Some(language) => block = Some(language != "text"),
                None if block == Some(true) => code = code + doc + "\n",
                None => {}
            }
            continue;
        }
        if in_attribute || text.starts_with("#[") {
            in_attribute = !text.ends_with(']');
            continue;
        }
        if line == "mod tests {" {
            break;
        }
        let mut item = Item {
            code: std::mem::take(&mut code),
            ..Item::default()
        };
        let method = line.starts_with("    ") && !line.starts_with("     ");
        match declared(text) {
            Some((is_pub, keyword, name)) if method && keyword == "fn" => {
                if let Some((of, _)) = of.as_ref().filter(|(_, bare)| is_pub || *bare) {
                    item.of = Some(of.clone());
                    item.name = name.to_owned();
                }
            }
            Some((true, keyword, name)) if !line.starts_with(' ') => {
                item.name = name.to_owned();
                of = (keyword == "trait").then(|| (name.to_owned(), true));
            }
            _ if line.starts_with("impl") => of = self_type(line).map(|name| (name, false)),
            _ => {}
        }
        if !item.name.is_empty() || !item.code.is_empty() {
            items.push(item);
        }
    }
    items
}

/// Whether a declaration is public, its keyword and its name.
fn declared(text: &str) -> Option<(bool, &str, &str)> {
    let bare = text.strip_prefix("pub ");
    let mut rest = bare.unwrap_or(text).split(' ');
    let keyword = rest.find(|word| !matches!(*word, "const" | "async"))?;
    let is_item = matches!(keyword, "struct" | "enum" | "trait" | "fn");
    let name = words(rest.next()?).next()?;
    is_item.then_some((bare.is_some(), keyword, name))
}

/// The type that an `impl` is of, where it is not of a trait.
fn self_type(line: &str) -> Option<String> {
    let mut depth = 0;
    let outside: String = line
        .chars()
        .filter(|c| {
            depth += i32::from(*c == '<') - i32::from(*c == '>');
            depth == 0 && *c != '>'
        })
        .collect();
    let own = outside.strip_prefix("impl")?;
    let of_trait = own.contains(" for ");
    words(own).next().filter(|_| !of_trait).map(str::to_owned)
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
}

/// The Rust files below a folder, but for tests.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs")
            && path.file_stem().is_some_and(|name| name != "tests")
        {
            files.push(path);
        }
    }
    files
}
