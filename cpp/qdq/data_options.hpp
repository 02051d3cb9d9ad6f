// Conversion of files to batches.
#ifndef QDQ_DATA_OPTIONS_HPP
#define QDQ_DATA_OPTIONS_HPP

#include <cstddef>
#include <cstdint>

#include <qdq/detail/builder.hpp>
#include <qdq/numbers.hpp>
#include <qdq/span.hpp>

namespace qdq {

/// Options for the conversion of files to batches: batch size, limit and sampling, the layout of raw files,
/// and the conversion of images to numbers.
///
///     auto options = qdq::DataOptions::make().batch_size(32).image_mean({0.485f, 0.456f, 0.406f}).build();
class DataOptions : public detail::Handle<qdq_data_options, qdq_data_options_free> {
 public:
  class Builder;

  using Handle::Handle;
  /// Makes the default options.
  DataOptions() : Handle(qdq_data_options_new()) {}

  /// Starts with the default options.
  [[nodiscard]] static Builder make();
};

/// Sets options, in any order.
class DataOptions::Builder : public detail::Builder<Builder, DataOptions> {
 public:
  using detail::Builder<Builder, DataOptions>::Builder;

  /// Sets the number of samples in a batch; 0 for the model's own batch size, or 1 if it has none. Default:
  /// 0.
  Builder& batch_size(std::size_t samples) { return set(qdq_data_options_set_batch_size, samples); }
  /// Sets the content of arrays: samples along the first axis, or whole feeds, each the data of one run.
  /// Default: Feeds::Auto.
  Builder& feeds(Feeds feeds) { return set(qdq_data_options_set_feeds, detail::number(feeds)); }
  /// Limits the number of samples, or whole feeds, that are used; 0 for all. Default: 0.
  Builder& limit(std::size_t samples) { return set(qdq_data_options_set_limit, samples); }
  /// Draws the limited number of samples at random instead of taking the first ones. Equal seeds draw equal
  /// samples.
  Builder& seed(std::uint64_t seed) { return set(qdq_data_options_set_seed, seed); }
  /// Sets the type and shape of one sample in raw files. Default: the input's.
  Builder& raw(DType dtype, Span<const std::int64_t> shape) {
    return set(qdq_data_options_set_raw, detail::number(dtype), static_cast<std::int32_t>(shape.size()), shape.data());
  }
  /// Sets the height and width of resized images; 0 and 0 for the size in the input's shape, which is the
  /// default.
  Builder& image_size(std::size_t height, std::size_t width) { return set(qdq_data_options_set_image_size, height, width); }
  /// Sets the way that images of other proportions are resized. Default: Resize::Stretch.
  Builder& image_resize(Resize resize) { return set(qdq_data_options_set_image_resize, detail::number(resize)); }
  /// Sets the filter that computes the pixels of a resized image. Default: ResizeFilter::Antialias, as
  /// Pillow.
  Builder& image_resize_filter(ResizeFilter filter) {
    return set(qdq_data_options_set_image_resize_filter, detail::number(filter));
  }
  /// Sets the treatment of the orientation that a camera stored in an image. Default: Exif::Ignore, with a
  /// finding.
  Builder& image_exif(Exif exif) { return set(qdq_data_options_set_image_exif, detail::number(exif)); }
  /// Sets the length of the shorter side, in pixels, before the centre is cut out. Used with Resize::Crop.
  /// The default of 0 cuts as little as possible.
  Builder& image_shorter_side(std::size_t pixels) { return set(qdq_data_options_set_image_shorter_side, pixels); }
  /// Sets the channels of the model's input. Default: Channels::Rgb.
  Builder& image_channels(Channels channels) { return set(qdq_data_options_set_image_channels, detail::number(channels)); }
  /// Sets the factor of every pixel, 0 to 255, the first step of the conversion. Default: 1/255.
  Builder& image_scale(float scale) { return set(qdq_data_options_set_image_scale, scale); }
  /// Sets the mean that is subtracted from scaled pixels: nothing, one number, or one per channel in the
  /// model's order. Default: nothing.
  Builder& image_mean(Span<const float> mean) { return set(qdq_data_options_set_image_mean, mean.data(), mean.size()); }
  /// Sets the divisor after the mean was subtracted: nothing, one number, or one per channel in the model's
  /// order. Default: nothing.
  Builder& image_std(Span<const float> std) { return set(qdq_data_options_set_image_std, std.data(), std.size()); }
  /// Sets the order of the axes of the model's input. Default: Layout::Auto.
  Builder& image_layout(Layout layout) { return set(qdq_data_options_set_image_layout, detail::number(layout)); }
  /// Sets the pixel value around a letterboxed image. Default: 114.
  Builder& image_fill(std::uint8_t fill) { return set(qdq_data_options_set_image_fill, fill); }
};

inline DataOptions::Builder DataOptions::make() { return Builder(DataOptions()); }

}  // namespace qdq

#endif
