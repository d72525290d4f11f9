#include <gaze/train/program/commands/commands.h>

#include <unistd.h>

#include <memory>

#include <gaze/autograd/base/threads.h>
#include <gaze/train/lessons/lesson.h>
#include <gaze/train/program/commands/output.h>
#include <gaze/train/program/terminal/typed_numbers.h>

namespace gaze::train {
namespace {

using nlohmann::json;

struct Arguments {
  bool quick = false, json = false;
  int threads = 0;
};

std::shared_ptr<Arguments> add_arguments(CLI::App& command) {
  const auto a = std::make_shared<Arguments>();
  command.add_flag("--quick", a->quick, "Train less where the lesson trains");
  command.add_option("--threads", a->threads, "Threads to use (0: as many as there are processors)")
      ->check(whole_range(0, 1024));
  command.add_flag("--json", a->json, "Print all numbers as one JSON object; the text then goes to standard error");
  return a;
}

json teach(const Lesson& lesson, const std::function<void(Page&)>& run, const Arguments& a) {
  if (a.threads > 0) set_threads(a.threads);
  Page page(detect_terminal(STDOUT_FILENO), a.quick);
  page.title(fmt::format("{}: {}", lesson.name, lesson.title));
  run(page);
  flush_output();
  return page.numbers;
}

void list() {
  fmt::print("Lessons, in the order in which to read them:\n\n");
  for (const Lesson& lesson : all_lessons()) fmt::print("  {:<15} {}\n", lesson.name, lesson.title);
  fmt::print("\nRun one by its name, with --help to see what can be changed, or all of them: lesson all\n");
}

}  // namespace

void add_lesson(CLI::App& app) {
  CLI::App* lessons = app.add_subcommand("lesson", "Shows what attention is, by short worked examples; lists them");
  lessons->require_subcommand(0, 1);
  for (const Lesson& lesson : all_lessons()) {
    CLI::App* command = lessons->add_subcommand(lesson.name, lesson.title);
    const auto run = lesson.prepare(*command);
    const auto a = add_arguments(*command);
    command->callback([lesson, run, a] {
      JsonOutput output(a->json);
      output.print(teach(lesson, run, *a));
    });
  }
  CLI::App* all = lessons->add_subcommand("all", "All lessons, one after another");
  const auto a = add_arguments(*all);
  all->callback([a] {
    JsonOutput output(a->json);
    json numbers = json::object();
    for (const Lesson& lesson : all_lessons()) {
      CLI::App unused;
      if (!numbers.empty()) fmt::print("\n");
      numbers[lesson.name] = teach(lesson, lesson.prepare(unused), *a);
    }
    output.print(numbers);
  });
  lessons->allow_extras();
  lessons->callback([lessons] {
    if (const auto unknown = lessons->remaining(); !unknown.empty()) {
      std::vector<std::string> names = {"all"};
      for (const Lesson& lesson : all_lessons()) names.emplace_back(lesson.name);
      const std::string near = did_you_mean(unknown.front(), names);
      throw UsageError(
          fmt::format("unknown lesson {}{}", unknown.front(), near.empty() ? "; gaze lesson lists them" : near));
    }
    if (lessons->get_subcommands().empty()) list();
  });
}

}  // namespace gaze::train
