// How files become batches.
#ifndef QDQ_DATA_OPTIONS_HPP
#define QDQ_DATA_OPTIONS_HPP

#include <cstddef>
#include <cstdint>

#include <qdq/detail/builder.hpp>
#include <qdq/numbers.hpp>
#include <qdq/span.hpp>

namespace qdq {

/// How files become batches: batch size, limit and sampling, the layout of raw files, and how images become
/// numbers.
///
///     auto options = qdq::DataOptions::make().batch_size(32).image_mean({0.485f, 0.456f, 0.406f}).build();
class DataOptions : public detail::Handle<qdq_data_options, qdq_data_options_free> {
 public:
  class Builder;

  using Handle::Handle;
  /// The default options.
  DataOptions() : Handle(qdq_data_options_new()) {}

  /// Starts with the default options.
  [[nodiscard]] static Builder make();
};

/// Sets options, in any order.
class DataOptions::Builder : public detail::Builder<Builder, DataOptions> {
 public:
  using detail::Builder<Builder, DataOptions>::Builder;

  /// The samples in one batch; 0 for the model's own batch size, or 1. Default: 0.
  Builder& batch_size(std::size_t samples) { return set(qdq_data_options_set_batch_size, samples); }
  /// What arrays hold: samples along the first axis or whole feeds, what one run gets. Default: Feeds::Auto.
  Builder& feeds(Feeds feeds) { return set(qdq_data_options_set_feeds, detail::number(feeds)); }
  /// How many samples, or whole feeds, are used at most; 0 for all. Default: 0.
  Builder& limit(std::size_t samples) { return set(qdq_data_options_set_limit, samples); }
  /// Draws the samples of a limit at random, the same for the same seed, instead of taking the first ones.
  Builder& seed(std::uint64_t seed) { return set(qdq_data_options_set_seed, seed); }
  /// The type and shape of one sample in raw files. Default: the input's.
  Builder& raw(DType dtype, Span<const std::int64_t> shape) {
    return set(qdq_data_options_set_raw, detail::number(dtype), static_cast<std::int32_t>(shape.size()), shape.data());
  }
  /// The height and width that images get; 0 and 0 for those of the input's shape, the default.
  Builder& image_size(std::size_t height, std::size_t width) { return set(qdq_data_options_set_image_size, height, width); }
  /// How images of other proportions get there. Default: Resize::Stretch.
  Builder& image_resize(Resize resize) { return set(qdq_data_options_set_image_resize, detail::number(resize)); }
  /// How pixels of another size are computed. Default: ResizeFilter::Antialias, which is Pillow's way.
  Builder& image_resize_filter(ResizeFilter filter) {
    return set(qdq_data_options_set_image_resize_filter, detail::number(filter));
  }
  /// What is done about the orientation that a camera stored in an image. Default: Exif::Ignore, with a
  /// finding.
  Builder& image_exif(Exif exif) { return set(qdq_data_options_set_image_exif, detail::number(exif)); }
  /// With Resize::Crop: the shorter side's pixels before the centre is cut out; 0 to cut as little as
  /// possible, the default.
  Builder& image_shorter_side(std::size_t pixels) { return set(qdq_data_options_set_image_shorter_side, pixels); }
  /// The channels of the model's input. Default: Channels::Rgb.
  Builder& image_channels(Channels channels) { return set(qdq_data_options_set_image_channels, detail::number(channels)); }
  /// What every pixel, 0 to 255, is multiplied by first. Default: 1/255.
  Builder& image_scale(float scale) { return set(qdq_data_options_set_image_scale, scale); }
  /// What is subtracted from scaled pixels: nothing, one number, or one per channel in the model's order.
  /// Default: nothing.
  Builder& image_mean(Span<const float> mean) { return set(qdq_data_options_set_image_mean, mean.data(), mean.size()); }
  /// What the difference is divided by: nothing, one number, or one per channel in the model's order.
  /// Default: nothing.
  Builder& image_std(Span<const float> std) { return set(qdq_data_options_set_image_std, std.data(), std.size()); }
  /// The order of the axes of the model's input. Default: Layout::Auto.
  Builder& image_layout(Layout layout) { return set(qdq_data_options_set_image_layout, detail::number(layout)); }
  /// The pixel value around a letterboxed image. Default: 114.
  Builder& image_fill(std::uint8_t fill) { return set(qdq_data_options_set_image_fill, fill); }
};

inline DataOptions::Builder DataOptions::make() { return Builder(DataOptions()); }

}  // namespace qdq

#endif
