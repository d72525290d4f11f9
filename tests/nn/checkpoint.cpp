#include <gaze/nn/checkpoint.h>

#include <unistd.h>

#include <cmath>

#include <gaze/nn/model.h>

#include "../catch.h"
#include "../scratch.h"

using namespace gaze;

namespace {

/// A path in a folder of its own.
struct ScratchFile {
  ScratchFolder folder;
  std::filesystem::path path = folder.path / "model.safetensors";
};

/// A language model with its parameters.
struct Model {
  explicit Model(bool tied, std::uint64_t seed = 1, DType dtype = DType::float32)
      : params(dtype),
        model(Scope(params, {.seed = seed}),
              {.target_vocab = 5,
               .max_length = 4,
               .tied = tied,
               .transformer = {.decoder_layers = 1, .d_model = 4, .heads = 2, .d_ff = 6, .norm = Norm::pre}}) {}
  Params params;
  LanguageModel model;
};

Array numbers(const Shape& shape, double value) { return Array::full(shape, DType::float32, value); }

}  // namespace

TEST_CASE("parameters survive a file, ties stored once and named in the metadata") {
  const bool tied = GENERATE(true, false);
  const ScratchFile file;
  const Model first(tied);
  Model second(tied, 2);
  second.params.pack();
  REQUIRE(first.params.hash() != second.params.hash());
  save(first.params, file.path, {{"step", "50"}});
  const auto metadata = load(second.params, file.path);
  CHECK(first.params.hash() == second.params.hash());
  CHECK(metadata.at("step") == "50");
  const Checkpoint stored = load_safetensors(file.path);
  CHECK(stored.metadata.contains("head.weight") == tied);
  CHECK((stored.find("head.weight") == nullptr) == tied);
  CHECK(stored.find("tgt_embed.tok.weight"));
}

TEST_CASE("loading converts float dtypes and leaves the optimizer's arrays alone") {
  const Model narrow(false);
  Model wide(false, 2, DType::float64), again(false, 3);
  Checkpoint checkpoint = to_checkpoint(narrow.params);
  checkpoint.arrays.emplace_back("optimizer.first_moment", numbers({3}, 0));
  load(wide.params, checkpoint);
  CHECK(wide.params["head.weight"].array().at(3) == narrow.params["head.weight"].array().at(3));
  load(again.params, to_checkpoint(wide.params));
  CHECK(again.params.hash() == narrow.params.hash());
}

TEST_CASE("a tie is understood whichever of its names is stored") {
  Model tied(true);
  const Model apart(false, 2);
  Checkpoint checkpoint = to_checkpoint(apart.params);
  CHECK_THROWS_WITH(load(tied.params, checkpoint), ContainsSubstring("head.weight and tgt_embed.tok.weight"));

  const Tensor& head = apart.params["head.weight"];
  std::erase_if(checkpoint.arrays, [](const auto& entry) { return entry.first == "tgt_embed.tok.weight"; });
  load(tied.params, checkpoint);
  CHECK(tied.params["tgt_embed.tok.weight"].array().at(7) == head.array().at(7));

  Model other(false, 3);  // no tie here: both get what the file holds for both
  load(other.params, to_checkpoint(tied.params));
  CHECK(other.params["head.weight"].array().at(7) == head.array().at(7));
  CHECK(other.params["tgt_embed.tok.weight"].array().at(7) == head.array().at(7));
}

TEST_CASE("prefixes come off a file's names and go before them") {
  Params params, inner;
  const Scope root(params);
  Linear(root / "body" / "first", 2, 2);
  Linear(root / "head", 2, 2);
  Linear(Scope(inner, {.seed = 9}) / "first", 2, 2);
  const double head = params["head.weight"].array().at(0);
  load(params, to_checkpoint(inner), {.add_prefix = "body."});
  CHECK(params["body.first.weight"].array().at(1) == inner["first.weight"].array().at(1));
  CHECK(params["head.weight"].array().at(0) == head);

  Params part;
  Linear(Scope(part, {.seed = 4}) / "first", 2, 2);
  load(part, to_checkpoint(params), {.strip_prefix = "body."});
  CHECK(part.hash() == inner.hash());
  CHECK_THROWS_WITH(load(part, to_checkpoint(params)),
                    ContainsSubstring("missing first.weight") && ContainsSubstring("unexpected body.first.bias"));
}

TEST_CASE("a file that does not fit is refused as a whole, with all that is wrong") {
  Params params;
  params.add("a", numbers({2}, 1));
  params.add("b", numbers({2}, 1));
  params.add("c", numbers({2}, 1));
  params.add("d", numbers({2}, 1));
  const Checkpoint checkpoint{.arrays = {{"a", numbers({2}, 5)},
                                         {"b", numbers({3}, 5)},
                                         {"d", Array::full({2}, DType::int32, 5)},
                                         {"e", numbers({2}, 5)}},
                              .metadata = {}};
  const auto before = params.hash();
  CHECK_THROWS_WITH(
      load(params, checkpoint, {}, "run/checkpoint.safetensors"),
      Catch::Matchers::Equals("load run/checkpoint.safetensors: missing c; unexpected e; wrong shape b [3] (here "
                              "[2]); wrong dtype d int32"));
  CHECK(params.hash() == before);

  Params many;
  for (int i = 0; i < 20; ++i) many.add(fmt::format("p{}", i), numbers({1}, 0));
  CHECK_THROWS_WITH(load(many, Checkpoint{}), ContainsSubstring("p7") && ContainsSubstring("and 12 more"));
}

TEST_CASE("weights that are not finite are refused by name, and nothing changes") {
  const ScratchFile file;
  Model good(false), other(false, 2);
  const auto before = other.params.hash();
  const auto refused = [&](const std::string& name, double number, const std::string& message) {
    Checkpoint checkpoint;
    for (const auto& [known, array] : to_checkpoint(good.params).arrays)
      checkpoint.arrays.emplace_back(known, array.to(DType::float64).copy());
    for (auto& [known, array] : checkpoint.arrays)
      if (known == name) array.set(3, number);
    save_safetensors(file.path, checkpoint);
    CHECK_THROWS_WITH(load(other.params, file.path),
                      ContainsSubstring("model.safetensors: not finite: " + name + " " + message));
    CHECK(other.params.hash() == before);
  };
  refused("head.weight", NAN, "(nan at element 3)");
  refused("tgt_embed.tok.weight", -INFINITY, "(-inf at element 3)");
  refused("body.norm.bias", 1e300, "(inf at element 3)");  // no float32 is so large
}
