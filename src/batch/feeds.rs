//! Arrays as whole feeds: the data of one run, with every axis that the inputs declare.
//!
//! An array of the input's rank is one feed. An array with one more axis in front holds as many feeds as that
//! axis is long. An array of the input's rank is cut along its first axis instead if other inputs give more
//! feeds and that axis may count samples.

use super::axes::First;
use super::fit::{REMEDY, shape_text, starts_dynamic};
use super::parts::Part;
use super::samples::{Column, Items};
use crate::error::{Error, ErrorKind, Result};
use crate::tensor::{Dim, TensorSpec};

/// One input with its files and the meaning of its first axis.
pub(super) struct Given<'a> {
    pub spec: &'a TensorSpec,
    pub first: First,
    pub parts: &'a [Part],
}

/// The division of one input's parts.
struct Division {
    /// The items of each part.
    items: Vec<Items>,
    /// Items per feed: 1 if the items are whole feeds, otherwise the number of samples in its batch.
    per_feed: usize,
    is_whole: bool,
}

impl Division {
    /// Returns the number of feeds; `None` if the last would be incomplete.
    fn count(&self) -> Option<usize> {
        let items: usize = self.items.iter().map(|items| items.count).sum();
        (self.per_feed > 0 && items.is_multiple_of(self.per_feed)).then(|| items / self.per_feed)
    }
}

impl Given<'_> {
    /// Divides every array into whole feeds.
    fn whole(&self) -> Option<Division> {
        let items = self.parts.iter().map(|part| part.feeds(self.spec, self.first)).collect::<Option<_>>()?;
        Some(Division { items, per_feed: 1, is_whole: true })
    }

    /// Cuts every array into samples. A feed takes as many as the input declares, or one.
    fn cut(&self) -> Option<Division> {
        if !self.first.may_be_samples() {
            return None;
        }
        let items = self.parts.iter().map(|part| part.samples(self.spec).ok()).collect::<Option<_>>()?;
        let per_feed = match self.spec.shape.as_deref() {
            Some([Dim::Fixed(size), ..]) => *size,
            _ => 1,
        };
        Some(Division { items, per_feed, is_whole: false })
    }
}

/// The division of each input's parts into feeds, in the inputs' order.
pub(super) struct WholeFeeds(Vec<Division>);

impl WholeFeeds {
    /// Divides the parts into feeds, the same number for every input.
    ///
    /// Unless the user `asked` for feeds, inputs with a dynamic first axis that may count samples must have
    /// the same size there.
    pub fn of(given: &[Given<'_>], asked: bool) -> Result<Self> {
        let mut ways: Vec<Vec<Division>> = Vec::new();
        for one in given {
            let ways_of_one: Vec<Division> =
                [one.whole(), one.cut()].into_iter().flatten().filter(|way| way.count().is_some()).collect();
            if ways_of_one.is_empty() {
                return Err(misfit(one));
            }
            ways.push(ways_of_one);
        }
        // An input's whole feeds come first, so they are preferred if both ways are possible.
        let counts = ways.first().map(|ways| ways.iter().filter_map(Division::count).collect::<Vec<_>>());
        let fits = |ways: &[Division], count| ways.iter().any(|way| way.count() == Some(count));
        let common = counts
            .unwrap_or_default()
            .into_iter()
            .filter(|&count| ways.iter().all(|of_one| fits(of_one, count)));
        for count in common {
            let index = |of_one: &[Division]| of_one.iter().position(|way| way.count() == Some(count));
            let chosen: Option<Vec<usize>> = ways.iter().map(|of_one| index(of_one)).collect();
            let Some(chosen) = chosen else { continue };
            if asked || batches_agree(given, &ways, &chosen) {
                let pick = |(mut ways, index): (Vec<Division>, usize)| ways.swap_remove(index);
                return Ok(Self(ways.into_iter().zip(chosen).map(pick).collect()));
            }
        }
        Err(counts_differ(given, &ways))
    }

    /// Returns the number of feeds.
    pub fn count(&self) -> usize {
        self.0.first().and_then(Division::count).unwrap_or_default()
    }

    /// Makes the columns that read the feeds.
    pub fn columns(self, inputs: &[TensorSpec], parts: Vec<Vec<Part>>) -> Result<Vec<Column>> {
        let columns = inputs.iter().zip(parts).zip(self.0);
        columns
            .map(|((spec, parts), Division { items, per_feed, is_whole })| {
                let samples =
                    parts.into_iter().zip(items).map(|(part, items)| part.into_samples(items, spec));
                let column =
                    Column::new(&spec.name, samples.collect::<Result<_>>()?, !is_whole && per_feed > 1)?;
                Ok(if is_whole { column.of_whole_tensors() } else { column.in_steps_of(per_feed) })
            })
            .collect()
    }
}

/// Whether all inputs with a dynamic batch axis in front have the same size there in every feed.
fn batches_agree(given: &[Given<'_>], ways: &[Vec<Division>], chosen: &[usize]) -> bool {
    let sizes = given
        .iter()
        .zip(ways)
        .zip(chosen)
        .filter(|((one, _), _)| one.first.may_be_samples() && starts_dynamic(one.spec));
    let sizes = sizes.map(|((_, ways), &index)| {
        let way = &ways[index];
        let of_items = |items: &Items| {
            let size = if way.is_whole { items.shape.first().copied().unwrap_or(1) } else { way.per_feed };
            std::iter::repeat_n(size, items.count)
        };
        way.items.iter().flat_map(of_items).collect::<Vec<_>>()
    });
    let sizes: Vec<Vec<usize>> = sizes.collect();
    sizes.windows(2).all(|pair| pair[0] == pair[1])
}

fn misfit(given: &Given<'_>) -> Error {
    let is_part_of_none = |part: &&Part| part.feeds(given.spec, given.first).is_none();
    let part = given.parts.iter().find(is_part_of_none).or(given.parts.first());
    let (label, shape) = match part {
        Some(Part::Array(array)) => (array.label.as_str(), format!("shape {:?}", array.shape)),
        Some(images) => (images.label(), "an image".to_owned()),
        None => ("", "nothing".to_owned()),
    };
    let message = format!(
        "{label}: {shape} is no whole feed of input '{}' {}",
        given.spec.name,
        shape_text(given.spec)
    );
    Error::new(ErrorKind::Shape, message).with_remedy(REMEDY)
}

fn counts_differ(given: &[Given<'_>], ways: &[Vec<Division>]) -> Error {
    let of_input = |(given, ways): (&Given<'_>, &Vec<Division>)| {
        let count = ways.first().and_then(Division::count).unwrap_or_default();
        format!("{count} for '{}'", given.spec.name)
    };
    let counts: Vec<String> = given.iter().zip(ways).map(of_input).collect();
    Error::new(ErrorKind::Data, format!("the inputs have different numbers of feeds: {}", counts.join(", ")))
        .with_remedy(REMEDY)
}
