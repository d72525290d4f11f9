#include <gaze/train/program/commands/commands.h>

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>

#include <gaze/autograd/base/files.h>
#include <gaze/autograd/base/threads.h>
#include <gaze/autograd/check/cases/op_cases.h>
#include <gaze/autograd/check/find_wrong_vjp.h>
#include <gaze/autograd/engine.h>
#include <gaze/nn/checkpoint.h>
#include <gaze/train/json.h>
#include <gaze/train/models.h>
#include <gaze/train/options.h>
#include <gaze/train/program/commands/output.h>
#include <gaze/train/program/terminal/terminal.h>
#include <gaze/train/program/terminal/typed_numbers.h>
#include <gaze/train/saved_model.h>
#include <gaze/train/streams.h>
#include <gaze/train/text/text_model.h>
#include <gaze/train/text/translator.h>

namespace gaze::train {
namespace {

using nlohmann::json;

struct Arguments {
  std::vector<std::string> operations, settings;
  std::string model, sweep;
  std::uint64_t seed = 1;
  int threads = 0;
  bool json = false;
};

/// Something was found wrong: the report is printed, and the exit status is 1.
void complain(const std::string& what) {
  flush_output();
  fail("gradcheck: {}", what);
}

json to_json(const GradcheckReport& r) {
  json worst = json::array();
  for (const GradcheckEntry& e : r.worst)
    worst.push_back({{"input", e.input},
                     {"index", e.index},
                     {"analytic", e.judgement.analytic},
                     {"numeric", e.judgement.numeric},
                     {"error", e.judgement.error},
                     {"verdict", name_of(e.judgement.verdict)}});
  return {{"verdict", name_of(r.verdict)}, {"compared", r.compared}, {"digits", r.digits()},
          {"error", r.worst_error},        {"reason", r.reason},     {"worst", worst}};
}

// Operations

/// What is known of an operation, or of one case: the worst of its reports.
struct Summary {
  std::int64_t cases = 0, compared = 0;
  Verdict verdict = Verdict::right;
  int digits = 15;
  void add(const GradcheckReport& r) {
    ++cases, compared += r.compared;
    verdict = std::max(verdict, r.verdict);
    if (r.compared > 0) digits = std::min(digits, r.digits());
  }
};

std::string shapes_of(const OpCase& c) {
  std::vector<std::string> shapes;
  for (const Tensor& t : c.inputs) shapes.push_back(t.shape().to_string());
  return fmt::format("{}", fmt::join(shapes, " "));
}

std::vector<std::string> differentiable_operations() {
  std::vector<std::string> names;
  for (const OpCase& c : op_cases())
    if (c.differentiable && std::find(names.begin(), names.end(), c.operation) == names.end())
      names.push_back(c.operation);
  return names;
}

void require_operation(const std::string& name) {
  const auto names = differentiable_operations();
  if (std::find(names.begin(), names.end(), name) != names.end()) return;
  throw UsageError(fmt::format("gradcheck: {} is not a differentiable operation{}", name, did_you_mean(name, names)));
}

void check_operations(const Arguments& a) {
  JsonOutput output(a.json);
  for (const std::string& name : a.operations) require_operation(name);
  const bool all = a.operations.empty();
  json object = json::object();
  std::string wrong;
  const auto print_row = [](const std::string& name, const std::string& cases, const Summary& one, const Summary& two,
                            const std::string& shapes) {
    fmt::print("{:<24}{:>6}{:>8}{:>5}  {:<12}{:>3}  {:<12} {}\n", name, cases, one.compared, one.digits,
               name_of(one.verdict), two.digits, name_of(two.verdict), shapes);
  };
  fmt::print("{:<24}{:>6}{:>8}  {:<17}{:<17} {}\n", "operation", all ? "cases" : "", "slopes", "digits, gradient",
             "second derivative", "shapes");
  for (const std::string& name : all ? differentiable_operations() : a.operations) {
    Summary first, second;
    json cases = json::array();
    for (const OpCase& c : op_cases()) {
      if (c.operation != name || !c.differentiable) continue;
      const GradcheckReport one = gradcheck(c.call, c.inputs, {.seed = a.seed}),
                            two = gradgradcheck(c.call, c.inputs, {.seed = a.seed});
      first.add(one), second.add(two);
      cases.push_back(
          {{"variant", c.variant}, {"shapes", shapes_of(c)}, {"first", to_json(one)}, {"second", to_json(two)}});
      for (const GradcheckReport* r : {&one, &two})
        if (!*r && wrong.empty()) wrong = fmt::format("{}, {}: {}", name, c.variant, r->reason);
      if (all) continue;
      Summary of_case, of_its_second;
      of_case.add(one), of_its_second.add(two);
      print_row(name, "", of_case, of_its_second, fmt::format("{}: {}", c.variant, shapes_of(c)));
    }
    if (all) print_row(name, std::to_string(first.cases), first, second, cases.front().at("shapes"));
    object[name] = {{"cases", cases},
                    {"verdict", name_of(first.verdict)},
                    {"digits", first.digits},
                    {"second_verdict", name_of(second.verdict)},
                    {"second_digits", second.digits}};
  }
  output.print({{"operations", object}, {"wrong", !wrong.empty()}});
  if (!wrong.empty()) complain(wrong);
}

// The error of differences, step by step

void show_sweep(const Arguments& a) {
  JsonOutput output(a.json);
  require_operation(a.sweep);
  const auto found = std::find_if(op_cases().begin(), op_cases().end(),
                                  [&](const OpCase& c) { return c.operation == a.sweep && c.differentiable; });
  std::vector<Tensor> inputs, leaves;
  for (const Tensor& t : found->inputs) {
    inputs.push_back(is_floating(t.dtype()) ? Tensor(t.array().to(DType::float64).copy(), true) : t);
    if (is_floating(t.dtype())) leaves.push_back(inputs.back());
  }
  Random random({.seed = a.seed});
  const auto draw = [&](const Shape& shape) {
    Tensor numbers = Tensor::zeros(shape, DType::float64);
    random.normal(numbers.change<double>());
    return numbers;
  };
  const Tensor y = found->call(inputs), cotangent = draw(y.shape());
  const auto gradients = grad(y, leaves, {.cotangents = {cotangent}, .allow_unused = true});
  std::vector<Tensor> start, direction;
  double analytic = 0;
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    start.push_back(leaves[i].detach().clone()), direction.push_back(draw(leaves[i].shape()));
    if (gradients[i].defined()) analytic += sum(gradients[i] * direction.back()).item();
  }
  const Line line = [&](double t) {
    const NoGrad no_grad;
    for (std::size_t i = 0; i < leaves.size(); ++i) leaves[i].assign(start[i] + direction[i] * t);
    const Tensor terms = cotangent * (found->call(inputs) - y.detach());
    return Change{sum(terms).item(), sum(abs(cotangent)).item()};
  };

  constexpr int steps = 41, rows = 14;  // four steps per power of ten; a row per power of ten of the error
  std::vector<std::string> picture(rows, std::string(steps, ' '));
  json points = json::array();
  for (int i = 0; i < steps; ++i) {
    const double step = std::pow(10.0, -0.25 * i);
    const double numeric = differences(line, step).central;
    const double error = std::abs(analytic - numeric) / std::max(std::abs(analytic), std::abs(numeric));
    const int row = error > 0 ? std::clamp(static_cast<int>(std::floor(-std::log10(error))), 0, rows - 1) : rows - 1;
    if (std::isfinite(error)) picture[static_cast<std::size_t>(row)][static_cast<std::size_t>(i)] = '*';
    points.push_back({{"step", step}, {"numeric", numeric}, {"error", error}});
  }
  const DerivativeComparison judged = judge(analytic, line, {}, 1e-6);
  fmt::print("{}, {}: {}\nThe slope along a random direction is {:.12g}. Relative error of the central difference:\n\n",
             found->operation, found->variant, shapes_of(*found), analytic);
  for (int row = 0; row < rows; ++row) fmt::print("  1e-{:02} |{}\n", row, picture[static_cast<std::size_t>(row)]);
  fmt::print("        +{}\n", std::string(steps, '-'));
  fmt::print("  step   1{0:>9}{1:>10}{2:>10}{3:>11}\n\n", "", "", "", "1e-10");
  fmt::print(
      "On the left the step is so large that the function bends, on the right so small\n"
      "that rounding is all that is left. The checker's verdict: {},\n"
      "by a difference of {:.12g}, off by {:.2g}.\n",
      name_of(judged.verdict), judged.numeric, judged.error);
  output.print({{"operation", found->operation},
                {"analytic", analytic},
                {"verdict", name_of(judged.verdict)},
                {"points", points}});
  if (judged.verdict == Verdict::wrong)
    complain(fmt::format("{}: the gradient is off by {:.2g}", a.sweep, judged.error));
}

// Models

/// A model in float64, and its loss on a few sentences of random words.
struct Subject {
  Params params{DType::float64};
  std::unique_ptr<SequenceModel> model;
  TokenBatch batch;
  CrossEntropyOptions options;

  Tensor loss() const {
    Context context{.training = true, .stream = {.seed = 1}};  // the same dropout at every call
    return model->loss(batch, options, context);
  }
};

Config config_of_model(const Arguments& a, std::unique_ptr<Checkpoint>& trained, std::string& file) {
  Config config;
  json written = json::object();
  if (std::filesystem::is_directory(a.model)) {
    const RunFolder run = RunFolder::open(a.model);
    if (!a.settings.empty())
      throw UsageError(fmt::format("--set {}: it does not go with a run, whose weights were trained with its options",
                                   a.settings.front()));
    file = run.weights().string();
    trained = std::make_unique<Checkpoint>(load_safetensors(file));
    return config_of(*trained, run.config(), file);
  }
  try {
    if (a.model.ends_with(".json")) {
      written = parse_json(read_file(a.model), a.model);
      config = config_from(written, a.model);
    } else {
      config = default_config(a.model);
    }
    for (const std::string& setting : a.settings) set_option(config, setting);
    check_config(config);
    if (!has_text(config)) toy_task(config);
    require_settings_used(config, a.settings);
    require_file_used(config, written, a.model);
  } catch (const Error& error) {
    throw UsageError(error.what());
  }
  return config;
}

/// What the model is made for: the words of the task or of the run, or some where there is only a preset for text.
ModelSizes sizes_of_model(const Config& config, const Checkpoint* trained, const std::string& file) {
  constexpr std::int64_t some_words = 50, some_tokens = 12;
  if (is_plain_text(config))
    return trained ? sizes_of(config, language_of(*trained, "text", config, file))
                   : ModelSizes{.target_vocab = some_words, .longest = config.data.length};
  if (trained) return sizes_of(saved_languages(*trained, config, file));
  return has_text(config) ? ModelSizes{some_words, some_words, some_tokens} : sizes_of(toy_languages(config));
}

std::unique_ptr<Subject> make_subject(const Arguments& a) {
  std::unique_ptr<Checkpoint> trained;
  std::string file;
  const Config config = config_of_model(a, trained, file);
  const ModelSizes sizes = sizes_of_model(config, trained.get(), file);
  if (trained) require_as_many_numbers(*trained, parameters_of(config, sizes), file);
  auto subject = std::make_unique<Subject>();
  subject->model = make_model(Scope(subject->params, {config.seed, streams::weights}), config, sizes);
  if (trained) load(subject->params, *trained, {}, file);

  constexpr std::int64_t sentences = 3;
  const std::int64_t length = std::min<std::int64_t>(sizes.longest, 6);
  Random random(RandomStream{.seed = a.seed}.split("words"));
  const auto words = [&](std::int64_t vocab) {
    std::vector<std::int32_t> ids(static_cast<std::size_t>(sentences * length));
    for (std::int32_t& id : ids) id = static_cast<std::int32_t>(random.below(static_cast<std::uint32_t>(vocab)));
    return Tensor::from({sentences, length}, ids);
  };
  if (sizes.source_vocab > 0) {
    subject->batch.source = words(sizes.source_vocab);
    subject->batch.source_lengths = Tensor::from<std::int32_t>(
        {sentences}, {static_cast<std::int32_t>(length), static_cast<std::int32_t>((length + 1) / 2), 1});
  }
  subject->batch.target = words(sizes.target_vocab), subject->batch.gold = words(sizes.target_vocab);
  subject->options.label_smoothing = config.training.label_smoothing;
  return subject;
}

void check_model(const Arguments& a) {
  JsonOutput output(a.json);
  const auto subject = make_subject(a);
  const auto loss = [&] { return subject->loss(); };
  const GradcheckReport report =
      gradcheck(subject->params, loss, {.mode = GradcheckOptions::Mode::fast, .seed = a.seed});
  json parameters = json::object();
  std::size_t width = 0;
  for (const InputCheck& c : report.inputs) width = std::max(width, c.input.size());
  fmt::print("{:<{}}  {:>9} {:>9}  {:>8}  {}\n", "parameter", width, "numbers", "slopes", "error", "gradient");
  for (const InputCheck& c : report.inputs) {
    fmt::print("{:<{}}  {:>9} {:>9}  {:>8.1e}  {}\n", c.input, width, c.size, c.compared, c.worst_error,
               name_of(c.verdict));
    parameters[c.input] = {
        {"size", c.size}, {"compared", c.compared}, {"error", c.worst_error}, {"verdict", name_of(c.verdict)}};
  }
  fmt::print("\n{} numbers in {} parameters. {}\n", subject->params.count(), report.inputs.size(), report.to_string());
  json object = {{"parameters", parameters}, {"report", to_json(report)}, {"wrong", json::array()}};
  if (!report) {
    const WrongVjps found = find_wrong_vjp(loss, &subject->params, {.seed = a.seed});
    fmt::print("\n{}\n", found.to_string());
    for (const WrongVjp& w : found.wrong)
      object["wrong"].push_back({{"operation", w.operation}, {"number", w.number}, {"where", w.where}});
  }
  output.print(object);
  if (!report) complain(report.reason);
}

void run(const Arguments& a) {
  if (a.threads > 0) set_threads(a.threads);
  if (!a.model.empty() + !a.sweep.empty() + !a.operations.empty() > 1)
    throw UsageError("gradcheck: operations, --model and --eps-sweep do not go together");
  if (a.model.empty() && !a.settings.empty()) throw UsageError("gradcheck: --set is for --model");
  if (!a.model.empty()) return check_model(a);
  if (!a.sweep.empty()) return show_sweep(a);
  check_operations(a);
}

}  // namespace

void add_gradcheck(CLI::App& app) {
  const auto a = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("gradcheck", "Checks gradients of operations, or of a model, by differences");
  command->add_option("operations", a->operations, "Operations of ops.h, case by case (default: a line for each)");
  command->add_option("--model", a->model, "A whole model by parameter: a task, a preset, a config file or a run");
  command->add_option("--set", a->settings, "key=value: an option of the model; may be repeated")
      ->allow_extra_args(false);
  command->add_option("--eps-sweep", a->sweep, "Draw an operation's error over the step of the difference");
  command->add_option("--seed", a->seed, "Of cotangents, directions and words")->check(whole_range(0, 1'000'000'000));
  command->add_option("--threads", a->threads, "Threads to use (0: as many as there are processors)")
      ->check(whole_range(0, 1024));
  command->add_flag("--json", a->json, "Print all figures as one JSON object; the text then goes to standard error");
  command->callback([a] { run(*a); });
}

}  // namespace gaze::train
