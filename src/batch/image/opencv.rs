//! Bilinear resizing that equals OpenCV's `resize` with `INTER_LINEAR`.

use qdq_resize::Image;

/// The weight 1 in fixed point. Weights have 11 fractional bits.
const ONE: f32 = 2048.0;

/// The two source pixels of one result pixel, and their weights.
#[derive(Clone, Copy)]
struct Pair {
    first: usize,
    second: usize,
    weights: [i32; 2],
}

/// Resizes rows of pixels with `channels` bytes each. Returns `None` for an image without pixels.
///
/// The centre of result pixel x is at (x + 0.5) * step - 0.5 in the source. Its two neighbours are weighted
/// in fixed point, first within each row, then between rows. Weights are rounded to 11 bits. The sums of rows
/// lose 4 bits and their products 16. The result is rounded at the last 2 bits. If both sides shrink to
/// exactly half, each result pixel is the mean of four source pixels instead.
pub(super) fn resize(source: &Image<'_>, (width, height): (u32, u32), channels: usize) -> Option<Vec<u8>> {
    let (from_width, from_height) = (source.width() as usize, source.height() as usize);
    let (width, height) = (width as usize, height as usize);
    if [from_width, from_height, width, height].contains(&0) {
        return None;
    }
    let rows: Vec<&[u8]> = source.buffer().chunks_exact(from_width * channels).collect();
    if (from_width, from_height) == (2 * width, 2 * height) {
        return Some(halve(&rows, channels));
    }
    // Beyond the outermost centres, no weighting takes place within a row. Between rows it does.
    let last = from_width as i64 - 1;
    let across: Vec<Pair> = pairs(from_width, width)
        .map(
            |(before, share)| {
                if (0..last).contains(&before) { (before, share) } else { (before.max(0), 0.0) }
            },
        )
        .map(|(before, share)| Pair::new(before, share, from_width))
        .collect();
    let down = pairs(from_height, height).map(|(before, share)| Pair::new(before, share, from_height));
    let mut out = Vec::with_capacity(width * height * channels);
    // Rows come in order, so the next result row often uses the same source rows.
    let (mut upper, mut lower) = (Row::default(), Row::default());
    for Pair { first, second, weights } in down {
        if upper.from != Some(first) {
            if lower.from == Some(first) {
                std::mem::swap(&mut upper, &mut lower);
            } else {
                upper.weigh(first, &rows, &across, channels);
            }
        }
        if second != first && lower.from != Some(second) {
            lower.weigh(second, &rows, &across, channels);
        }
        let lower = if second == first { &upper } else { &lower };
        out.extend(upper.sums.iter().zip(&lower.sums).map(|(&above, &below)| {
            let part = |weight: i32, sum: i32| (weight * (sum >> 4)) >> 16;
            ((part(weights[0], above) + part(weights[1], below) + 2) >> 2) as u8
        }));
    }
    Some(out)
}

/// Locates the centres of `to` pixels among `from`. Each result is the pixel before, which may be outside,
/// and the weight of the next pixel.
fn pairs(from: usize, to: usize) -> impl Iterator<Item = (i64, f32)> {
    let step = 1.0 / (to as f64 / from as f64);
    (0..to).map(move |x| {
        let centre = ((x as f64 + 0.5) * step - 0.5) as f32;
        let before = centre.floor();
        (before as i64, centre - before)
    })
}

impl Pair {
    /// Replaces pixels outside of the image by those at the edge.
    fn new(before: i64, share: f32, size: usize) -> Self {
        let inside = |at: i64| at.clamp(0, size as i64 - 1) as usize;
        let fixed = |weight: f32| (weight * ONE).round_ties_even() as i32;
        Self {
            first: inside(before),
            second: inside(before + 1),
            weights: [fixed(1.0 - share), fixed(share)],
        }
    }
}

/// One row of the source in the result's width, with 11 fractional bits.
#[derive(Default)]
struct Row {
    from: Option<usize>,
    sums: Vec<i32>,
}

impl Row {
    fn weigh(&mut self, from: usize, rows: &[&[u8]], across: &[Pair], channels: usize) {
        let row = rows[from];
        self.from = Some(from);
        self.sums.clear();
        for Pair { first, second, weights } in across {
            let pixel = |at: usize| &row[at * channels..][..channels];
            self.sums.extend(
                pixel(*first)
                    .iter()
                    .zip(pixel(*second))
                    .map(|(&before, &after)| weights[0] * i32::from(before) + weights[1] * i32::from(after)),
            );
        }
    }
}

/// Returns the mean of each square of four pixels.
fn halve(rows: &[&[u8]], channels: usize) -> Vec<u8> {
    let mean = |upper: &[u8], lower: &[u8], channel: usize| {
        let sum: u16 = [upper, lower]
            .iter()
            .map(|row| u16::from(row[channel]) + u16::from(row[channels + channel]))
            .sum();
        ((sum + 2) >> 2) as u8
    };
    let squares = rows
        .chunks_exact(2)
        .flat_map(|pair| pair[0].chunks_exact(2 * channels).zip(pair[1].chunks_exact(2 * channels)));
    squares.flat_map(|(upper, lower)| (0..channels).map(move |channel| mean(upper, lower, channel))).collect()
}
