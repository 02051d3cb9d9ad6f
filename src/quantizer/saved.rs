//! The statistics of calibration in a file.

use std::path::Path;

use ndarray::IxDyn;

use crate::error::{Context, Error, ErrorKind, Result};
use crate::file::write_atomic;
use crate::observe::Stats;
use crate::observe::axis_max::AxisMax;
use crate::observe::axis_max_file::Maxima;
use crate::quant::dense::shaped;

use super::TensorQuantizer;
use super::calibration::{Calibration, add_maxima};

impl TensorQuantizer {
    /// Writes the statistics to `path`. The file is written completely or not at all.
    ///
    /// # Errors
    ///
    /// `Io` if the file cannot be written; those of [`calibration_to_bytes`](Self::calibration_to_bytes).
    pub fn save_calibration(&self, path: &Path) -> Result<()> {
        let bytes = self.calibration_to_bytes()?;
        write_atomic(path, |out| out.write_all(&bytes).map_err(|error| Error::io("write", path, error)))
    }

    /// Replaces the statistics by those of a file of [`save_calibration`](Self::save_calibration).
    ///
    /// Calibration then continues from that state. To add the file to the current statistics, load it into a
    /// clone and [`merge`](Self::merge) that.
    ///
    /// # Errors
    ///
    /// `Io` if the file cannot be read; those of [`calibration_from_bytes`](Self::calibration_from_bytes).
    /// After an error the statistics are unchanged.
    pub fn load_calibration(&mut self, path: &Path) -> Result<()> {
        let bytes = std::fs::read(path).map_err(|error| Error::io("read", path, error))?;
        self.calibration_from_bytes(&bytes).map_err(|error| error.within(path.display()))
    }

    /// Returns the content of the file. Equal calibrations give equal bytes.
    ///
    /// With a histogram it is a file of [`Stats`] with one tensor, which has the name of the quantizer, and 0
    /// samples. With maxima it is a file of [`Maxima`]. [`AxisMax`] reads that too, unless the maxima are
    /// those of blocks.
    ///
    /// # Errors
    ///
    /// An error if the quantizer's name is too long for the format (100 MB) or the maxima are of data with
    /// more than 64 axes; `Unsupported` for pytorch-quantization's histogram, which has no file.
    pub fn calibration_to_bytes(&self) -> Result<Vec<u8>> {
        match &self.calibration {
            Calibration::Histogram(stats) => {
                let mut run = Stats::default();
                run.tensors.insert(self.descriptor.name.clone().unwrap_or_default(), stats.clone());
                run.to_bytes()
            }
            Calibration::Max(max) => {
                let (axes, block) = (self.kept_axes(), self.descriptor.block);
                Maxima { axes, block, amax: max.amax().cloned(), history: None }.to_bytes()
            }
            Calibration::Compat(_) => Err(self.within(no_file())),
        }
    }

    /// Replaces the statistics by the content of such a file.
    ///
    /// From a file of [`Stats`] with several tensors it takes the tensor with the name of the quantizer.
    ///
    /// # Errors
    ///
    /// `Format` if the bytes are damaged or something else, for example the statistics of another method;
    /// `InvalidArgument` if the maxima are those of other axes or blocks; `Data` if there are several tensors
    /// but not the quantizer's. After an error the statistics are unchanged.
    pub fn calibration_from_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        let loaded = match &self.calibration {
            Calibration::Histogram(_) => self.histogram_of(bytes),
            Calibration::Max(_) => self.maxima_of(bytes),
            Calibration::Compat(_) => Err(no_file()),
        };
        self.calibration = loaded.map_err(|error| self.within(error))?;
        Ok(())
    }

    fn kept_axes(&self) -> Vec<i64> {
        self.descriptor.axis.iter().flatten().map(|&axis| axis as i64).collect()
    }

    fn histogram_of(&self, bytes: &[u8]) -> Result<Calibration> {
        let Stats { mut tensors, .. } =
            Stats::from_bytes(bytes).context(ErrorKind::Format, || unusable("calibration statistics"))?;
        let own = tensors.remove(self.descriptor.name.as_deref().unwrap_or_default());
        let only = if own.is_none() && tensors.len() == 1 { tensors.pop_first() } else { None };
        let found = own.or_else(|| only.map(|(_, stats)| stats)).ok_or_else(|| {
            let message = format!("none of {} tensors with statistics is the quantizer's", tensors.len());
            Error::new(ErrorKind::Data, message).with_remedy("name the quantizer like its tensor")
        })?;
        Ok(Calibration::Histogram(found))
    }

    fn maxima_of(&self, bytes: &[u8]) -> Result<Calibration> {
        let maxima = Maxima::from_bytes(bytes).context(ErrorKind::Format, || unusable("maxima"))?;
        if maxima.axes != self.kept_axes() || maxima.block != self.descriptor.block {
            let message = "the maxima were observed along other axes or blocks";
            return Err(Error::new(ErrorKind::InvalidArgument, message)
                .with_remedy("load them into a quantizer with the descriptor of the one that saved them"));
        }
        let mut observer = AxisMax::default();
        if let Some(mut amax) = maxima.amax {
            if self.descriptor.axis.is_none() && self.descriptor.block.is_none() {
                // A single number has no axis here, whatever its rank in the file.
                amax.shape.clear();
            }
            add_maxima(&mut observer, &shaped(IxDyn(&amax.shape), amax.values)?)?;
        }
        Ok(Calibration::Max(observer))
    }
}

fn no_file() -> Error {
    Error::new(ErrorKind::Unsupported, "there is no file of pytorch-quantization's histogram")
        .with_remedy("set calib_method to histogram in the descriptor")
}

fn unusable(what: &str) -> String {
    format!("the saved calibration holds no {what}, which is what the quantizer's calib_method observes")
}
