//! Work in progress.
use crate::golden;
#[test]
fn loads() {
    let mut a = golden::Arrays::open();
    for c in golden::cases("quant") {
        a.get(c["x"].as_str().unwrap());
        if let Some(y) = c.get("y") {
            a.get(y.as_str().unwrap());
        }
    }
}
