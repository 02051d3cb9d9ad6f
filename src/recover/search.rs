//! The search for the better neighbours of a row of weights: see [`rounding`](super::rounding).

use std::cmp::Ordering;

use ndarray::ArrayView2;

/// The number of flips per weight after which the search ends.
const EFFORT: usize = 2;
/// The number of flips for which a flipped weight stays in short rows.
///
/// The second number limits it in still shorter rows: to the weights of the row divided by it.
const REST: (usize, usize) = (10, 3);
/// The number of weights of which the cheapest is found at a time.
const BLOCK: usize = 32;

/// Returns the error of a dequantized integer.
fn deviation(((&weight, &value), &scale): ((&f32, &i8), &f32)) -> f64 {
    f64::from(f32::from(value) * scale) - f64::from(weight)
}

/// Returns the error of each weight of a row.
pub(super) fn errors(weights: &[f32], values: &[i8], scales: &[f32]) -> Vec<f64> {
    weights.iter().zip(values).zip(scales).map(deviation).collect()
}

/// Returns the product of a row of H and the errors.
pub(super) fn dot<'a>(row: impl Iterator<Item = &'a f32>, other: &[f64]) -> f64 {
    row.zip(other).map(|(&a, b)| f64::from(a) * b).sum()
}

/// Returns the best integers on the way that begins at `nearest`.
pub(super) fn search(
    weights: &[f32],
    nearest: &[i8],
    scales: &[f32],
    levels: (i8, i8),
    moments: ArrayView2<'_, f32>,
) -> Vec<i8> {
    let count = weights.len();
    let mut values = nearest.to_vec();
    let mut others: Vec<i8> = weights
        .iter()
        .zip(nearest)
        .zip(scales)
        .map(|((&weight, &value), &scale)| other_side(weight, value, scale, levels))
        .collect();
    let errors = errors(weights, nearest, scales);
    // The slope is 2 H e. With the diagonal, a flip by t changes eᵀ H e by t (2 H e)ᵢ + t² Hᵢᵢ.
    let slope = moments.rows().into_iter().map(|row| 2.0 * dot(row.iter(), &errors) as f32);
    let step =
        |((&value, &other), &scale): ((&i8, &i8), &f32)| f32::from(other) * scale - f32::from(value) * scale;
    let mut flips = Flips {
        steps: values.iter().zip(&others).zip(scales).map(step).collect(),
        slope: slope.collect(),
        diagonal: moments.diag().to_vec(),
        rests_until: vec![0; count],
        costs: vec![0.0; count],
    };
    let rest = (count / 10).max(REST.0.min(count / REST.1));
    let (mut change, mut least) = (0f32, 0f32);
    let mut best = nearest.to_vec();
    for flip in 1..=EFFORT * count {
        let Some((at, by)) = flips.cheapest(flip as u32, least - change) else { break };
        flips.take(at, moments.row(at).iter());
        std::mem::swap(&mut values[at], &mut others[at]);
        change += by;
        // The rests differ: otherwise weights that are flipped one after the other would come back in the
        // same order.
        flips.rests_until[at] = (flip + rest + at % 7) as u32;
        if change < least {
            least = change;
            best.copy_from_slice(&values);
        }
    }
    best
}

/// Returns the least of some numbers, by minima that do not wait for each other.
fn least(values: &[f32]) -> f32 {
    let mut lanes = [f32::INFINITY; 8];
    let blocks = values.chunks_exact(lanes.len());
    let rest = blocks.remainder().iter().copied().fold(f32::INFINITY, f32::min);
    for block in blocks {
        for (lane, &value) in lanes.iter_mut().zip(block) {
            *lane = if value < *lane { value } else { *lane };
        }
    }
    lanes.into_iter().fold(rest, f32::min)
}

/// The effect of flipping each weight of a row.
struct Flips {
    /// The change of the weight; 0 if there is no other side.
    steps: Vec<f32>,
    slope: Vec<f32>,
    diagonal: Vec<f32>,
    /// The last flip during which the weight stays.
    rests_until: Vec<u32>,
    /// A buffer for the change of the error by each flip.
    costs: Vec<f32>,
}

impl Flips {
    /// Returns the weight whose flip adds least to the error, and that change of the error.
    ///
    /// The weight does not rest, or its flip adds less than `record`. Of equal weights, the first one is
    /// returned.
    fn cheapest(&mut self, flip: u32, record: f32) -> Option<(usize, f32)> {
        // Costs and minima have loops of their own without branches, so that a compiler vectorizes both.
        let weights = self.steps.iter().zip(&self.slope).zip(&self.diagonal).zip(&self.rests_until);
        for (cost, (((&step, &slope), &diagonal), &rests_until)) in self.costs.iter_mut().zip(weights) {
            let by = step * (slope + step * diagonal);
            let is_open = (step != 0.0) & ((rests_until < flip) | (by < record));
            *cost = if is_open { by } else { f32::INFINITY };
        }
        let mut found = None;
        let mut lowest = f32::INFINITY;
        for (block, costs) in self.costs.chunks(BLOCK).enumerate() {
            let least = least(costs);
            if least < lowest {
                lowest = least;
                found = costs.iter().position(|&cost| cost == least).map(|at| (block * BLOCK + at, least));
            }
        }
        found
    }

    /// Flips a weight. `moments` is its row of H.
    fn take<'a>(&mut self, at: usize, moments: impl Iterator<Item = &'a f32>) {
        let twice = 2.0 * self.steps[at];
        for (slope, moment) in self.slope.iter_mut().zip(moments) {
            *slope += twice * moment;
        }
        self.steps[at] = -self.steps[at];
    }
}

/// Returns the integer on the other side of a weight.
///
/// Returns `value` if the weight is a multiple of the scale, or beyond the levels.
fn other_side(weight: f32, value: i8, scale: f32, (low, high): (i8, i8)) -> i8 {
    // The division is that of QuantizeLinear.
    match f32::from(value).partial_cmp(&(weight / scale)) {
        Some(Ordering::Less) => value.saturating_add(1).min(high),
        Some(Ordering::Greater) => value.saturating_sub(1).max(low),
        _ => value,
    }
}
