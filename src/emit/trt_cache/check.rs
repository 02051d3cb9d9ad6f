//! Checks for everything in a cache that would cause trouble in TensorRT.

use std::collections::{BTreeMap, BTreeSet};

use super::{Algorithm, Cache, Version};
use crate::finding::{Finding, Severity};

/// The expectations for a cache. A part that is `None` is not checked.
#[derive(Clone, Debug, Default)]
pub struct Expected<'a> {
    /// The version of TensorRT that will read the cache.
    pub version: Option<Version>,
    /// The calibrator that will read the cache.
    pub algorithm: Option<Algorithm>,
    /// The activations of the model, including the inputs of the network.
    pub activations: Option<&'a [String]>,
}

/// The least bits of an `f32` number with eight hexadecimal digits. Every usual scale has larger bits.
const SEVEN_DIGITS: u32 = 0x1000_0000;

/// The remedy that converts a cache, in the tool and in C.
const CONVERT: &str = "convert it (qdq cache convert, or qdq_cache_convert in C)";

impl Cache {
    /// Lists the problems of the cache, worst first.
    pub fn check(&self, expected: &Expected<'_>) -> Vec<Finding> {
        let mut findings = Vec::new();
        self.check_header(expected, &mut findings);
        self.check_scales(&mut findings);
        self.check_names(expected.activations, &mut findings);
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        findings
    }

    /// Lists the problems of the scales for ranges made from them. A line without a usable scale is left out.
    pub(super) fn findings_of_scales(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        self.check_scales(&mut findings);
        self.check_names(None, &mut findings);
        for finding in &mut findings {
            if finding.severity == Severity::Error {
                finding.severity = Severity::Warning;
                finding.message += ", so the cache gives no range";
            }
        }
        findings
    }

    fn check_header(&self, expected: &Expected<'_>, findings: &mut Vec<Finding>) {
        let mut about_header = |severity, message: String, remedy: String| {
            findings.push(Finding { severity, message, tensors: Vec::new(), remedy });
        };
        if self.is_marked {
            about_header(
                Severity::Error,
                "the file begins with a byte order mark, behind which TensorRT finds no header".into(),
                format!("save it without the mark, or {CONVERT}"),
            );
        }
        match (self.header.version.parse::<Version>(), expected.version) {
            (Err(_), None) => about_header(
                Severity::Error,
                format!("'{}' in the header is not a TensorRT version", self.header.version),
                format!("{CONVERT} for the version of your TensorRT"),
            ),
            (found, Some(wanted)) if found.as_ref().ok() != Some(&wanted) => about_header(
                Severity::Error,
                format!("the header is for version {}, TensorRT {wanted} ignores it", self.header.version),
                format!("{CONVERT} for version {wanted}"),
            ),
            (Ok(found), _) if !found.reads_caches() => about_header(
                Severity::Error,
                format!("TensorRT {found} reads no calibration caches"),
                "make a Q/DQ model of it: 'qdq apply', or ranges of the cache and a plan by them".into(),
            ),
            _ => {}
        }
        match (self.header.algorithm.parse::<Algorithm>(), expected.algorithm) {
            (Err(_), None) => about_header(
                Severity::Error,
                format!("'{}' in the header is not a known calibrator", self.header.algorithm),
                format!("{CONVERT} for {}", Algorithm::default()),
            ),
            (found, Some(wanted)) if found.as_ref().ok() != Some(&wanted) => about_header(
                Severity::Error,
                format!("the header is for {}, a calibrator for {wanted} ignores it", self.header.algorithm),
                format!("{CONVERT} for {wanted}"),
            ),
            (Ok(Algorithm::EntropyCalibration), _) => about_header(
                Severity::Note,
                "a cache for EntropyCalibration names the tensors left after fusion on one device".into(),
                "on another device calibrate again".into(),
            ),
            _ => {}
        }
    }

    fn check_scales(&self, findings: &mut Vec<Finding>) {
        let mut about = |severity, message: &str, remedy: &str, is_bad: &dyn Fn(f32) -> bool| {
            let bad = self.entries.iter().filter(|(_, scale)| is_bad(*scale));
            let tensors: Vec<String> = bad.map(|(name, _)| name.clone()).collect();
            if !tensors.is_empty() {
                let (message, remedy) = (message.to_owned(), remedy.to_owned());
                findings.push(Finding { severity, message, tensors, remedy });
            }
        };
        let again = "calibrate again, with data that has no infinite or NaN values";
        about(Severity::Error, "the scale is NaN", again, &f32::is_nan);
        about(Severity::Error, "the scale is infinite", again, &f32::is_infinite);
        about(Severity::Error, "the scale is negative", "calibrate again", &|scale| {
            scale.is_sign_negative() && !scale.is_nan() && scale.is_finite()
        });
        about(
            Severity::Error,
            "the scale is subnormal, as of a line whose last digits are cut off",
            super::DAMAGED,
            &|scale| scale.is_subnormal() && scale > 0.0,
        );
        about(
            Severity::Warning,
            "the scale is below 2^-95, as of a line whose last digit is cut off",
            "compare the file with its source, or calibrate again with data that reaches these tensors",
            &|scale| scale >= f32::MIN_POSITIVE && scale.to_bits() < SEVEN_DIGITS,
        );
        about(
            Severity::Warning,
            "the scale is 0, with which TensorRT fails or leaves the layer without INT8",
            "calibrate again, with data that reaches these tensors",
            &|scale| scale.to_bits() == 0,
        );
        if self.looks_inverse() {
            findings.push(Finding {
                severity: Severity::Warning,
                message: "most scales are above 1 and next to none is small, as if 127/amax had been stored instead of amax/127"
                    .into(),
                tensors: Vec::new(),
                remedy: "ask the tool that wrote the cache; they are right only where nearly all activations pass 127".into(),
            });
        }
    }

    /// Whether most scales are above 1. For that, nearly all activations would have to exceed 127.
    ///
    /// Large inputs alone (pixels up to 255, samples of sound up to 32767) cause such scales in the first
    /// layers of a network. But behind the first normalization or squashing function, magnitudes are usual:
    /// their scales are a quarter and less. As inverse scales, these would stand for magnitudes of 500 and
    /// more. A scale that is exactly that of such an input is not inverse.
    fn looks_inverse(&self) -> bool {
        let usable =
            || self.entries.iter().map(|(_, scale)| *scale).filter(|scale| scale.is_finite() && *scale > 0.0);
        let above = usable().filter(|&scale| scale > 1.0).count();
        let small = usable().filter(|&scale| scale <= 0.25).count();
        above > 1 && above * 2 > usable().count() && small * 10 <= above && !usable().any(is_of_integers)
    }

    fn check_names(&self, activations: Option<&[String]>, findings: &mut Vec<Finding>) {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for (name, _) in &self.entries {
            *counts.entry(name).or_default() += 1;
        }
        let repeated: Vec<String> =
            counts.iter().filter(|(_, count)| **count > 1).map(|(&name, _)| name.to_owned()).collect();
        if !repeated.is_empty() {
            findings.push(Finding {
                severity: Severity::Warning,
                message: "the name is repeated; the last line counts".into(),
                tensors: repeated,
                remedy: format!("{CONVERT}, which drops the lines before the last"),
            });
        }
        if self.entries.is_empty() {
            findings.push(Finding {
                severity: Severity::Error,
                message: "the cache has no tensors".into(),
                tensors: Vec::new(),
                remedy: "calibrate again".into(),
            });
        }
        let Some(activations) = activations else { return };
        let in_model: BTreeSet<&str> = activations.iter().map(String::as_str).collect();
        let missing: Vec<String> =
            activations.iter().filter(|name| !counts.contains_key(name.as_str())).cloned().collect();
        let unknown: Vec<String> =
            counts.keys().filter(|name| !in_model.contains(*name)).map(|&name| name.to_owned()).collect();
        if !unknown.is_empty() && unknown.len() == counts.len() {
            findings.push(Finding {
                severity: Severity::Error,
                message: "the model has none of the cache's tensors".into(),
                tensors: unknown,
                remedy: "use the cache of this very model file; another export names its tensors otherwise"
                    .into(),
            });
            return;
        }
        if !missing.is_empty() {
            findings.push(Finding {
                severity: Severity::Warning,
                message: "TensorRT finds no scale and leaves the layers around the tensor without INT8"
                    .into(),
                tensors: missing,
                remedy: "calibrate again with every activation observed, as for a cache".into(),
            });
        }
        if !unknown.is_empty() {
            findings.push(Finding {
                severity: Severity::Note,
                message: "the model has no such tensor; the line has no effect".into(),
                tensors: unknown,
                remedy: "calibrate again if the model has changed".into(),
            });
        }
    }
}

/// Whether a scale is that of pixels or samples of sound in their stored form.
///
/// Then amax is the end of an integer type of 8, 16, 24 or 32 bits.
fn is_of_integers(scale: f32) -> bool {
    let reach = f64::from(scale) * 127.0;
    let ends = [8, 15, 16, 23, 31].map(|bits| f64::from(2f32.powi(bits)));
    ends.iter().flat_map(|&end| [end, end - 1.0]).any(|end| (reach / end - 1.0).abs() < 2e-7)
}
