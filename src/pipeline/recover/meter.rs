//! How far tensors are from their quantized copies in the same run.

use std::sync::{Mutex, PoisonError};

use crate::error::Result;
use crate::recover::bias::ErrorSums;
use crate::runtime::Tap;
use crate::tensor::{Tensor, TensorView};

/// Two tapped tensors to compare: the float one, its copy, and the axis of their channels.
pub(super) struct Comparison {
    pub float: String,
    pub copy: String,
    pub axis: fn(usize) -> usize,
}

/// Compares tensors as they come; a tensor waits only until its last counterpart is there.
pub(super) struct Meter {
    /// For each tap, what it is compared with: the other tap, the comparison, and whether the tap is the float one.
    partners: Vec<Vec<(usize, usize, bool)>>,
    axes: Vec<fn(usize) -> usize>,
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
        let mut partners: Vec<Vec<(usize, usize, bool)>> = Vec::new();
        let mut tap = |name: &String| {
            taps.iter().position(|tap| tap == name).unwrap_or_else(|| {
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
        (Self { partners, axes: comparisons.iter().map(|comparison| comparison.axis).collect(), state }, taps)
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
            sums[comparison].add(expected, found, self.axes[comparison](expected.shape().len()));
            *uses -= 1;
            if *uses == 0 {
                waiting[other] = None;
            }
        }
        waiting[index] = (missing > 0).then(|| (value.to_owned(), missing));
        Ok(())
    }
}
