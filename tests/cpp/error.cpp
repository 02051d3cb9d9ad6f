// Errors, results and owners.

#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include "check.hpp"

using qdq::Error;
using qdq::Result;
using qdq::Status;

static_assert(!std::is_copy_constructible_v<qdq::Ranges> && std::is_nothrow_move_constructible_v<qdq::Ranges>);
static_assert(!std::is_copy_assignable_v<qdq::RunOptions> && std::is_nothrow_move_assignable_v<qdq::RunOptions>);
static_assert(!std::is_copy_constructible_v<Error> && !std::is_default_constructible_v<qdq::Model>);
static_assert(std::is_constructible_v<qdq::Model, qdq_model*> && !std::is_convertible_v<qdq_model*, qdq::Model>);
static_assert(sizeof(qdq::Plan) == sizeof(qdq_plan*));
static_assert(!std::is_convertible_v<Result<int>, bool>);

TEST(error_carries_everything) {
  const Error error(Status::Data, "no data", "give some");
  CHECK(error.status() == Status::Data);
  CHECK_EQ(error.message(), "no data");
  CHECK_EQ(error.remedy(), "give some");
  CHECK(error.causes().empty());
  CHECK(error.text().find("give some") != std::string_view::npos);

  CHECK(Error(Status::Ok, "x").status() == Status::Callback);
  CHECK(kept(Error(Status::Io, "x")).remedy().empty());
}

TEST(error_has_causes) {
  auto model = qdq::Model::open("no/such/model.onnx");
  if (!CHECK_FAILS(model, Status::Io, "no/such/model.onnx")) return;
  CHECK(model.error().causes().size() > 0);
  for (std::string_view cause : model.error().causes()) {
    CHECK(!cause.empty() && model.error().text().find(cause) != std::string_view::npos);
  }
}

TEST(result_holds_a_value_or_an_error) {
  Result<std::string> good(std::string("text"));
  CHECK(good.has_value() && good);
  CHECK_EQ(*good, "text");
  CHECK_EQ(good->size(), 4u);
  CHECK_EQ(std::as_const(good).value(), "text");
  const std::string moved = std::move(good).value();
  CHECK_EQ(moved, "text");

  Result<std::string> bad(Error(Status::Shape, "bad"));
  CHECK(!bad && bad.error().status() == Status::Shape);
  const Error error = std::move(bad).error();
  CHECK_EQ(error.message(), "bad");

  const Result<void> done;
  done.value();
  CHECK(done.has_value() && done);
  const Result<void> failed(Error(Status::Type, "bad"));
  CHECK(!failed && failed.error().status() == Status::Type);
}

#ifdef __cpp_exceptions
TEST(value_throws_the_error) {
  auto model = qdq::Model::open("no/such/model.onnx");
  try {
    static_cast<void>(model->opset());
    CHECK(false);
  } catch (const qdq::Exception& exception) {
    CHECK(exception.status() == Status::Io);
    CHECK_EQ(std::string_view(exception.what()), model.error().text());
    CHECK_EQ(exception.error().message(), model.error().message());
    CHECK_EQ(exception.error().remedy(), model.error().remedy());
  }
  try {
    qdq::Model::open("no/such/model.onnx").value();
    CHECK(false);
  } catch (const qdq::Exception& exception) {
    const qdq::Exception copy = exception;
    const std::runtime_error& base = copy;
    CHECK(copy.error().causes().size() > 0 && copy.error().text() == base.what());
  }
  try {
    const Result<void> failed(Error(Status::Type, "bad"));
    failed.value();
    CHECK(false);
  } catch (const qdq::Exception& exception) {
    CHECK_EQ(std::string_view(exception.what()), "bad");
  }
}
#endif

TEST(owners_move) {
  qdq::Ranges a = qdq::Ranges::make().value();
  a.set("x", 1.0f).value();
  qdq::Ranges b = std::move(a);
  CHECK_EQ(b.size(), 1u);

  // A moved-from object can still be read.
  CHECK(a.c() == nullptr && a.size() == 0 && a.begin() == a.end() && a.method().empty() && !a.has("x"));
  CHECK_FAILS(a.set("x", 1.0f), Status::InvalidArgument, "ranges");
  CHECK_FAILS(a.get("x"), Status::InvalidArgument, "ranges");

  a = std::move(b);
  CHECK_EQ(a.size(), 1u);
  qdq::Ranges& same = a;
  a = std::move(same);
  CHECK_EQ(a.size(), 1u);
  a = qdq::Ranges::make().value();
  CHECK_EQ(a.size(), 0u);
}

TEST(owners_go_to_c_and_back) {
  qdq_ranges* raw = nullptr;
  CHECK_EQ(qdq_ranges_new(nullptr, &raw, nullptr), QDQ_OK);
  qdq::Ranges ranges(raw);
  CHECK(ranges.c() == raw && std::as_const(ranges).c() == raw);
  qdq_ranges* given = ranges.release();
  CHECK(given == raw && ranges.c() == nullptr);
  qdq_ranges_free(&given);
}

TEST(builders_tell_the_first_error) {
  CHECK_FAILS(qdq::Descriptor::make().num_bits(99).num_bits(8).build(), Status::InvalidArgument, "99");
  CHECK_FAILS(qdq::Policy::make().exclude_op("\xff").exclude_op("Conv").build(), Status::InvalidArgument, "");
  auto builder = qdq::Descriptor::make();
  builder.num_bits(4);
  CHECK_EQ(kept(builder.build().value()).num_bits(), 4u);
}

TEST(statuses_have_a_word) {
  CHECK_EQ(qdq::status_text(Status::InvalidArgument), "invalid argument");
  CHECK_EQ(qdq::status_text(static_cast<Status>(99)), "unknown");
}

TEST(nothing_is_built_twice) {
  auto builder = qdq::Policy::make();
  builder.exclude_op("Conv");
  CHECK_GOOD(builder.build());
  CHECK_FAILS(builder.build(), Status::InvalidArgument, "built already");
  static_assert(!std::is_constructible_v<qdq::Result<bool>, const char*>);
  CHECK_EQ(qdq::Bytes("ab").size(), 2u);
}

TEST(versions) {
  CHECK_EQ(qdq::version(), qdq::header_version);
  CHECK_EQ(qdq::version_text(), QDQ_VERSION_TEXT);
  CHECK(!qdq::kernel_name().empty());
  CHECK(qdq::version_fits(qdq::version()));
  static_assert(qdq::version_fits(102, 100) && !qdq::version_fits(100, 102) && !qdq::version_fits(200, 102));
  static_assert(qdq::version_fits(10300, 10201) && !qdq::version_fits(20000, 10201));
}
