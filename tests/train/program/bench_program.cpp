#include "small_runs.h"

TEST_CASE("bench prints its figures as one JSON object, with or without --json", "[program]") {
  Program gaze;
  const Args args = {"bench", "chain", "--steps", "2", "--warmup", "0"};
  for (const bool flag : {false, true}) {
    Args all = args;
    if (flag) all.push_back("--json");
    const Result r = gaze.run(all);
    CAPTURE(flag, r.err);
    CHECK(r.status == 0);
    REQUIRE_FALSE(r.out.empty());
    const json object = json::parse(lines_of(r.out).back(), nullptr, false);
    CHECK((object.is_object() && object.contains("ms_median")));
  }
  const Result losses = gaze.run({"bench", "chain", "--steps", "2", "--losses"});
  CHECK(json::parse(losses.out, nullptr, false).size() == 2);
  CHECK(contents(gaze.folder).empty());
}

TEST_CASE("a wrong table of workloads is named", "[program]") {
  Program gaze;
  write(gaze.folder / "a.json", R"({"small": {"layer": 1}})");
  write(gaze.folder / "b.json", "[");
  const std::vector<Complaint> table = {{{"bench", "small", "--workloads", "a.json"}, "a.json"},
                                        {{"bench", "small", "--workloads", "b.json"}, "b.json"},
                                        {{"bench", "small", "--workloads", "c.json"}, "c.json"},
                                        {{"bench", "seq2seq-toy", "--init", "a.json"}, "a.json"},
                                        {{"bench", "seq2seq-toy", "--batch", "c.json"}, "c.json"}};
  for (const Complaint& row : table) {
    const Result r = gaze.run(row.args);
    CAPTURE(row.args, r.err);
    check_complaint(r, 1, row.names);
  }
  check_complaint(gaze.run({"bench", "chain", "--workloads", "a.json"}), 2, "chain");
}
