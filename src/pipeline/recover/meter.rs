//! The distance of tensors from their quantized copies in the same run.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::error::Result;
use crate::recover::errors::ErrorSums;
use crate::runtime::Tap;
use crate::tensor::{Tensor, TensorView};

/// Two tapped tensors to compare.
///
/// These are the float tensor, its copy, the axis of their channels as a function of their rank, and the
/// divisor of each channel of the copy.
#[derive(Clone)]
pub(super) struct Comparison {
    pub float: String,
    pub copy: String,
    pub axis: fn(usize) -> usize,
    pub unit: Vec<f32>,
}

/// A tap that compares tensors as they come. A tensor waits only until its last counterpart is there.
pub(super) struct Meter {
    /// For each tap, its counterparts.
    ///
    /// These are the other tap, the comparison, and whether this tap is the float tensor.
    partners: Vec<Vec<(usize, usize, bool)>>,
    comparisons: Vec<Comparison>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The tensors that wait, each with the number of counterparts that it waits for.
    waiting: Vec<Option<(Tensor, usize)>>,
    sums: Vec<ErrorSums>,
}

impl Meter {
    /// Creates a meter for these comparisons, and lists the tensors to tap.
    pub fn new(comparisons: &[Comparison]) -> (Self, Vec<String>) {
        let mut taps: Vec<String> = Vec::new();
        let mut numbers: HashMap<String, usize> = HashMap::new();
        let mut partners: Vec<Vec<(usize, usize, bool)>> = Vec::new();
        let mut tap = |name: &String| {
            *numbers.entry(name.clone()).or_insert_with(|| {
                taps.push(name.clone());
                taps.len() - 1
            })
        };
        for (at, Comparison { float, copy, .. }) in comparisons.iter().enumerate() {
            let (float, copy) = (tap(float), tap(copy));
            partners.resize(partners.len().max(float + 1).max(copy + 1), Vec::new());
            partners[float].push((copy, at, true));
            partners[copy].push((float, at, false));
        }
        let sums = vec![ErrorSums::default(); comparisons.len()];
        let state = Mutex::new(State { waiting: taps.iter().map(|_| None).collect(), sums });
        (Self { partners, comparisons: comparisons.to_vec(), state }, taps)
    }

    /// Takes the measured sums, in the order of the comparisons.
    pub fn take(&self) -> Vec<ErrorSums> {
        std::mem::take(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner).sums)
    }
}

impl Tap for Meter {
    fn observe(&self, index: usize, value: TensorView<'_>) -> Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let State { waiting, sums } = &mut *state;
        let mut missing = 0;
        for &(other, comparison, is_float) in &self.partners[index] {
            let Some((tensor, uses)) = &mut waiting[other] else {
                missing += 1;
                continue;
            };
            let (expected, found) = if is_float { (value, tensor.view()) } else { (tensor.view(), value) };
            let Comparison { axis, unit, .. } = &self.comparisons[comparison];
            sums[comparison].add(expected, found, axis(expected.shape().len()), unit);
            *uses -= 1;
            if *uses == 0 {
                waiting[other] = None;
            }
        }
        waiting[index] = (missing > 0).then(|| (value.to_owned(), missing));
        Ok(())
    }
}
