//! The least quality of a written model.

use std::collections::BTreeMap;

use qdq::error::{Error, ErrorKind, Result};
use qdq::pipeline::{Budget, Limits};

use super::of_option;
use crate::args::BudgetArgs;

/// Returns the budget without its metric; `None` if there is none.
///
/// # Errors
/// `InvalidArgument` for a number that is none, and for a metric without a limit.
pub fn budget(args: &BudgetArgs) -> Result<Option<Budget<'static>>> {
    let wrong = |option: &str, message: String, remedy: &str| {
        Err(Error::new(ErrorKind::InvalidArgument, format!("{option}: {message}")).with_remedy(remedy))
    };
    if args.min_sqnr.is_some_and(f64::is_nan) {
        return wrong("--min-sqnr", "NaN is no limit".to_owned(), "give decibels, such as 35");
    }
    if args.metric.is_some() && args.min_metric.is_none() && args.max_metric.is_none() {
        return wrong(
            "--metric",
            "nothing says which number is good enough".to_owned(),
            "add --min-metric, such as for an accuracy, or --max-metric, such as for an error rate",
        );
    }
    if [args.min_metric, args.max_metric].into_iter().flatten().any(f64::is_nan) {
        return wrong("--min-metric, --max-metric", "NaN is no limit".to_owned(), "give a number");
    }
    let mut outputs = BTreeMap::new();
    for typed in &args.output_min {
        let (name, least) = of_option("--output-min", output_min(typed))?;
        if outputs.insert(name.clone(), least).is_some() {
            return wrong("--output-min", format!("'{name}' is given twice"), "give each output once");
        }
    }
    let share = args.max_disagreement.as_deref().map(|typed| of_option("--max-disagreement", share(typed)));
    let max_disagreement = share.transpose()?.map(|share| (share, args.top_k));
    let has_any =
        args.min_sqnr.is_some() || !outputs.is_empty() || max_disagreement.is_some() || args.metric.is_some();
    let budget = Budget { min_sqnr_db: args.min_sqnr, outputs, max_disagreement, metric: None };
    Ok(has_any.then_some(budget))
}

/// Returns the limits of the metric.
pub fn limits(args: &BudgetArgs) -> Limits {
    Limits { least: args.min_metric, most: args.max_metric }
}

/// Splits into output and decibels at the last `=`. Names may contain a `=`.
fn output_min(typed: &str) -> Result<(String, f64)> {
    let split = typed.rsplit_once('=').filter(|(name, _)| !name.is_empty());
    let parsed = split.and_then(|(name, number)| Some((name.to_owned(), number.parse::<f64>().ok()?)));
    parsed.filter(|(_, least)| !least.is_nan()).ok_or_else(|| {
        Error::new(ErrorKind::InvalidArgument, format!("'{typed}' is no output and decibels"))
            .with_remedy("write it as 'logits=35'")
    })
}

/// Returns a share from a number such as `0.005` or `0.5%`.
fn share(typed: &str) -> Result<f64> {
    let (number, whole) = match typed.strip_suffix('%') {
        Some(number) => (number, 100.0),
        None => (typed, 1.0),
    };
    let share = number.trim().parse::<f64>().ok().map(|number| number / whole);
    share.filter(|share| (0.0..=1.0).contains(share)).ok_or_else(|| {
        Error::new(ErrorKind::InvalidArgument, format!("'{typed}' is no share"))
            .with_remedy("give a number from 0 to 1, or a percentage such as 0.5%")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_outputs() {
        assert_eq!(
            [share("0.5%").unwrap(), share("0.005").unwrap(), share("100%").unwrap()],
            [0.005, 0.005, 1.0]
        );
        assert_eq!(output_min("a=b=3.5").unwrap(), ("a=b".to_owned(), 3.5));
        for wrong in ["", "x", "2", "-1%", "101%", "nan"] {
            assert!(share(wrong).is_err(), "{wrong}");
        }
        for wrong in ["", "x", "=3", "x=", "x=nan", "x=y"] {
            assert!(output_min(wrong).is_err(), "{wrong}");
        }
    }
}
