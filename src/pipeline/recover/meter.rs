//! How far tensors are from their quantized copies in the same run.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::error::Result;
use crate::recover::errors::ErrorSums;
use crate::runtime::Tap;
use crate::tensor::{Tensor, TensorView};

/// Two tapped tensors to compare: the float one, its copy, the axis of their channels by their rank, and what
/// the copy's channels are divided by.
#[derive(Clone)]
pub(super) struct Comparison {
    pub float: String,
    pub copy: String,
    pub axis: fn(usize) -> usize,
    pub unit: Vec<f32>,
}

/// Compares tensors as they come; a tensor waits only until its last counterpart is there.
pub(super) struct Meter {
    /// For each tap, what it is compared with: the other tap, the comparison, and whether the tap is the
    /// float one.
    partners: Vec<Vec<(usize, usize, bool)>>,
    comparisons: Vec<Comparison>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Tensors that wait, and for how many.
    waiting: Vec<Option<(Tensor, usize)>>,
    sums: Vec<ErrorSums>,
}

impl Meter {
    /// A meter for these comparisons and the tensors to tap.
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

    /// What was measured, in the order of the comparisons.
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
