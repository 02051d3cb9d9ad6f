//! Drawings as the data of SVG paths, in whole numbers.

use std::fmt::Write as _;

use qdq::report::document::histogram::{BARS, Histogram};
use qdq::report::document::{Band, CurvePoint};
use serde::Serialize;

/// The height of a drawing in its own units.
pub const HEIGHT: i64 = 60;
/// The width of a bar of a histogram.
const BAR: i64 = 6;
/// The width of a histogram.
pub const WIDTH: i64 = BAR * BARS as i64;
/// The sizes of the curve of a budget.
pub const CURVE: (i64, i64) = (600, 200);

/// A drawn histogram.
#[derive(Serialize)]
pub struct Drawing {
    /// The bars as one closed path. Heights are square roots of the shares, so that rare values are seen.
    bars: String,
    /// The right end of the values that become 0.
    lost: i64,
    /// The place of the range; at the right edge if nothing is clipped, absent without a range.
    range: Option<i64>,
}

/// Draws a histogram with its range and the magnitude below which values become 0.
pub fn histogram(histogram: &Histogram, range: Option<f64>, least: Option<f64>) -> Drawing {
    let most = histogram.bars.iter().copied().max().unwrap_or(1).max(1);
    let mut bars = format!("M0 {HEIGHT}");
    let (mut height, mut width) = (0, 0);
    for &share in &histogram.bars {
        // A value that is there is seen.
        let new = ((f64::from(share) / f64::from(most)).sqrt() * HEIGHT as f64).ceil() as i64;
        if new != height {
            let _ = write!(bars, "h{width}V{}", HEIGHT - new);
            (height, width) = (new, 0);
        }
        width += BAR;
    }
    let _ = write!(bars, "h{width}V{HEIGHT}z");
    let place = |magnitude: f64| {
        let position = Histogram::position(histogram.largest, magnitude) * BAR as f64;
        (position.round() as i64).clamp(0, WIDTH)
    };
    Drawing { bars, lost: least.map_or(0, place), range: range.filter(|&range| range > 0.0).map(place) }
}

/// Draws the largest magnitudes of channels as a band between the smallest and the largest of neighbours.
pub fn band(band: &Band) -> String {
    let largest = band.high.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
    let y = |value: f32| HEIGHT - (f64::from(value) / f64::from(largest) * HEIGHT as f64).round() as i64;
    let groups = band.high.len();
    let x = |at: usize| (at as i64 * WIDTH) / groups as i64;
    let mut path = format!("M0 {}", y(band.high[0]));
    for (at, &value) in band.high.iter().enumerate() {
        let _ = write!(path, "V{}H{}", y(value), x(at + 1));
    }
    for (at, &value) in band.low.iter().enumerate().rev() {
        // A band of equal values is still seen.
        let _ = write!(path, "V{}H{}", (y(value) + 1).min(HEIGHT), x(at));
    }
    path + "z"
}

/// Draws the curve of a budget, and returns the lowest and the highest finite SQNR on it.
pub fn curve(points: &[CurvePoint]) -> Option<(String, f64, f64)> {
    let finite: Vec<(usize, f64)> = points
        .iter()
        .filter_map(|point| Some((point.layers_in_float, point.sqnr_db.filter(|sqnr| sqnr.is_finite())?)))
        .collect();
    let low = finite.iter().map(|point| point.1).fold(f64::INFINITY, f64::min);
    let high = finite.iter().map(|point| point.1).fold(f64::NEG_INFINITY, f64::max);
    let most = finite.iter().map(|point| point.0).max()?.max(1);
    let (width, height) = CURVE;
    let places = finite.iter().map(|&(layers, sqnr)| {
        let share = if high > low { (sqnr - low) / (high - low) } else { 0.5 };
        let x = (layers as f64 / most as f64 * width as f64).round();
        format!("{x} {}", ((1.0 - share) * height as f64).round())
    });
    Some((format!("M{}", places.collect::<Vec<_>>().join("L")), low, high))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_shows_its_range() {
        let mut bars = vec![0; BARS];
        (bars[BARS - 1], bars[BARS - 4]) = (1, 1000);
        let drawn = histogram(&Histogram { largest: 8.0, bars }, Some(4.0), Some(1e-9));
        assert_eq!((drawn.range, drawn.lost), (Some(WIDTH - 2 * BAR), 0));
        assert!(drawn.bars.ends_with("V0h6V60h12V58h6V60z"), "{}", drawn.bars);
    }

    #[test]
    fn bands_and_curves_stay_inside() {
        let flat = Band { count: 2, low: vec![1.0, 0.0], high: vec![1.0, 2.0] };
        assert_eq!(band(&flat), format!("M0 30V30H{}V0H{WIDTH}V60H{}V31H0z", WIDTH / 2, WIDTH / 2));
        let point = |layers_in_float, sqnr_db| CurvePoint { layers_in_float, sqnr_db };
        let points = [point(0, Some(10.0)), point(2, Some(30.0)), point(4, Some(f64::INFINITY))];
        assert_eq!(curve(&points), Some(("M0 200L600 0".to_owned(), 10.0, 30.0)));
        assert_eq!(curve(&[]), None);
    }
}
