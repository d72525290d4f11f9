#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <thread>

#include <nlohmann/json.hpp>

#include <gaze/train/attention/attention_log.h>
#include <gaze/train/options.h>
#include <gaze/train/report/server.h>
#include <gaze/train/text/pair_data.h>
#include <gaze/train/training_run.h>

#include "../../catch.h"
#include "../../scratch.h"

using namespace gaze;
using namespace gaze::train;
using nlohmann::json;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

/// A server for a run with two lines of metrics, and without attention.
struct Served {
  explicit Served(const std::string& host = "127.0.0.1") : server(host, 0) {
    set_option(config, "task=reverse");
    run = std::make_unique<RunFolder>(RunFolder::create(scratch.path / "run", config));
    run->append_metrics({{"step", 1}, {"loss", 2.5}});
    server.serve(*run);
    const std::string& url = server.url();
    port = url.substr(url.rfind(':') + 1, url.size() - url.rfind(':') - 2);
  }
  std::filesystem::path file(const char* name) const { return run->path() / name; }

  ScratchFolder scratch;
  Config config;
  std::unique_ptr<RunFolder> run;
  ReportServer server;
  std::string port;
};

/// A connection of a client, in any thread: assertions of Catch are for one.
struct Client {
  explicit Client(const Served& served, const char* address = "127.0.0.1") {
    addrinfo hints = {}, *found = nullptr;
    hints.ai_socktype = SOCK_STREAM;
    gaze::require(::getaddrinfo(address, served.port.c_str(), &hints, &found) == 0, "{} is no address", address);
    socket = ::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    connected = ::connect(socket, found->ai_addr, found->ai_addrlen) == 0;
    ::freeaddrinfo(found);
  }
  ~Client() { ::close(socket); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  bool send(std::string_view text) const {
    while (!text.empty()) {
      const ssize_t count = ::send(socket, text.data(), text.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }
  /// All that comes until the server closes, or for so long.
  std::string answer(milliseconds patience = seconds(20)) const {
    const auto deadline = Clock::now() + patience;
    std::string all;
    char buffer[65536];
    while (true) {
      pollfd waited{socket, POLLIN, 0};
      const auto left = std::chrono::duration_cast<milliseconds>(deadline - Clock::now()).count();
      if (left <= 0 || ::poll(&waited, 1, static_cast<int>(left)) <= 0) return all + "[no end]";
      const ssize_t count = ::recv(socket, buffer, sizeof buffer, 0);
      if (count <= 0) return all;
      all.append(buffer, static_cast<std::size_t>(count));
    }
  }

  int socket;
  bool connected;
};

std::string asked(const Served& served, const std::string& head) {
  const Client client(served);
  gaze::require(client.send(head + "\r\n"), "the server does not listen");
  return client.answer();
}

std::string get(const Served& served, const std::string& path, const std::string& host = "127.0.0.1",
                const std::string& more = "") {
  return asked(served, "GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\n" + more);
}

/// Bytes of this process in memory.
std::size_t memory() {
  std::ifstream file("/proc/self/statm");
  std::size_t whole = 0, resident = 0;
  file >> whole >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

TEST_CASE("the server answers to this machine's names and addresses, and to no other name") {
  const Served served;
  for (const std::string host : {"127.0.0.1", "localhost", "LocalHost", "[::1]", "192.168.1.7", "watch.localhost"})
    for (const std::string& with_port : {host, host + ":" + served.port, host + ":9000"}) {  // 9000: a tunnel's end
      INFO(with_port);
      CHECK_THAT(get(served, "/data", with_port), StartsWith("HTTP/1.1 200"));
    }
  for (const std::string& host : {std::string("evil.example"), "evil.example:" + served.port,
                                  std::string("127.0.0.1.evil.example"), std::string("localhost.evil.example"),
                                  std::string(""), std::string("[::1].evil"), std::string("evillocalhost")}) {
    INFO(host);
    for (const char* path : {"/", "/data"}) {
      const std::string answer = get(served, path, host);
      CHECK_THAT(answer, StartsWith("HTTP/1.1 403") && ContainsSubstring("--host"));
      CHECK_THAT(answer, !ContainsSubstring("reverse"));
    }
  }
  CHECK_THAT(asked(served, "GET / HTTP/1.1\r\n"), StartsWith("HTTP/1.1 403"));
  CHECK_THAT(get(served, "/", "localhost", "Host: evil.example\r\n"), StartsWith("HTTP/1.1 403"));
}

TEST_CASE("pages of other origins get nothing from the server") {
  const Served served;
  const std::string own = "127.0.0.1:" + served.port;
  CHECK_THAT(get(served, "/data", own, "Origin: http://" + own + "\r\n"), StartsWith("HTTP/1.1 200"));
  for (const std::string origin : {"http://evil.example", "null", "https://127.0.0.1", "http://127.0.0.1:1"})
    CHECK_THAT(get(served, "/data", own, "Origin: " + origin + "\r\n"), StartsWith("HTTP/1.1 403"));
  CHECK_THAT(get(served, "/data", own), !ContainsSubstring("Access-Control-Allow"));
}

TEST_CASE("a served page says that it may run its own script alone, in no frame") {
  const Served served;
  const auto nonce_of = [](const std::string& answer) {
    const std::size_t at = answer.find("script-src 'nonce-");
    REQUIRE(at != answer.npos);
    return answer.substr(at + 18, 32);
  };
  const std::string page = get(served, "/"), nonce = nonce_of(page);
  CHECK_THAT(page, StartsWith("HTTP/1.1 200"));
  for (const std::string& text : {std::string("default-src 'none'"), std::string("frame-ancestors 'none'"),
                                  std::string("connect-src 'self'"), std::string("X-Frame-Options: DENY"),
                                  std::string("nosniff"), "<script type=\"module\" nonce=\"" + nonce + "\">"})
    CHECK_THAT(page, ContainsSubstring(text));
  CHECK(nonce_of(get(served, "/")) != nonce);
  CHECK_THAT(get(served, "/data"), ContainsSubstring("nosniff") && ContainsSubstring("\"loss\":[2.5]"));
}

TEST_CASE("what the page never asks for is refused: bodies, ranges, other methods and paths") {
  const Served served;
  const std::string head = " / HTTP/1.1\r\nHost: localhost\r\n";
  CHECK_THAT(asked(served, "POST" + head + "Content-Length: 1000000000000\r\n"), StartsWith("HTTP/1.1 405"));
  CHECK_THAT(asked(served, "PUT" + head + "Transfer-Encoding: chunked\r\n"), StartsWith("HTTP/1.1 405"));
  CHECK_THAT(asked(served, "HEAD" + head), StartsWith("HTTP/1.1 200") && EndsWith("\r\n\r\n"));
  CHECK_THAT(get(served, "/etc/passwd"), StartsWith("HTTP/1.1 404"));
  CHECK_THAT(get(served, "/../../etc/passwd"), StartsWith("HTTP/1.1 4"));
  std::string ranges = "Range: bytes=0-";
  for (int i = 0; i < 1500; ++i) ranges += ",0-";
  const std::string answer = get(served, "/", "localhost", ranges + "\r\n");
  CHECK_THAT(answer, StartsWith("HTTP/1.1 4"));
  CHECK(answer.size() < 2000);
  CHECK_THAT(get(served, "/data?from=-1"), StartsWith("HTTP/1.1 200"));
  CHECK_THAT(get(served, "/data?from=99999999999999999999"), StartsWith("HTTP/1.1 200"));
}

TEST_CASE("heads without an end are cut off, and cost no memory") {
  const Served served;
  CHECK_THAT(get(served, "/"), StartsWith("HTTP/1.1 200"));
  const std::size_t before = memory();
  std::string lines, block(1 << 16, 'x');
  for (int i = 0; i < 200; ++i) lines += "A: b\r\n";
  CHECK_THAT(asked(served, "GET / HTTP/1.1\r\nHost: localhost\r\n" + lines), StartsWith("HTTP/1.1 431"));
  std::vector<std::thread> clients;
  std::atomic<std::size_t> sent = 0;
  for (int i = 0; i < 16; ++i)
    clients.emplace_back([&] {
      const Client client(served);
      client.send("GET / HTTP/1.1\r\nHost: localhost\r\nA: ");
      for (int n = 0; n < 1000 && client.send(block); ++n) sent += block.size();
    });
  for (std::thread& client : clients) client.join();
  CHECK(sent < 16 * 1000 * block.size() / 4);  // all were cut off on the way
  CHECK(memory() < before + 30'000'000);
  CHECK_THAT(get(served, "/"), StartsWith("HTTP/1.1 200"));
}

TEST_CASE("slow clients and many connections do not starve others") {
  const Served served;
  const std::size_t before = memory();
  std::vector<std::unique_ptr<Client>> slow;
  const auto quick = [&] {
    const auto began = Clock::now();
    CHECK_THAT(get(served, "/data"), StartsWith("HTTP/1.1 200"));
    CHECK(Clock::now() - began < seconds(2));
  };
  for (int i = 0; i < 8; ++i) slow.push_back(std::make_unique<Client>(served));
  const std::string head = "GET /data HTTP/1.1\r\nHost: localhost\r\n";
  for (std::size_t at = 0; at < 3; ++at) {
    for (const auto& client : slow) client->send(head.substr(at, 1));
    quick();
  }
  for (int i = 0; i < 300; ++i) {  // more than there is room for: those that have waited for longest are cut
    slow.push_back(std::make_unique<Client>(served));
    slow.back()->send("G");
  }
  quick();
  CHECK(memory() < before + 60'000'000);
  CHECK_THAT(slow.front()->answer(), !ContainsSubstring("200 OK") && !ContainsSubstring("[no end]"));  // cut, or late
  const auto began = Clock::now();
  const std::string last = slow.back()->answer();  // nobody waits for it any longer
  CHECK_THAT(last, StartsWith("HTTP/1.1 408"));
  CHECK(Clock::now() - began < seconds(8));
}

TEST_CASE("a run is watched by several clients while it is trained", "[threads]") {
  Served served;
  for (const char* setting : {"d_model=8", "d_ff=8", "batch=4", "validation=4", "steps=12", "log_every=2", "probes=2"})
    set_option(served.config, setting);
  std::atomic<bool> trained = false;
  std::string failure;
  std::thread trainer([&] {
    try {
      Translator translator(served.config);
      const auto pairs = toy_pairs(served.config, translator.languages());
      SequenceLearner learner(served.config, translator.params(), translator.model(), *pairs, translator.metadata());
      TrainingRun run(learner, *served.run);
      const auto look = [&](const std::vector<Example>& sentences, AttentionRecorder& recorder) {
        translator.record(sentences, recorder);
      };
      AttentionLog log(served.config, translator.attentions(), Marks{}, look, *served.run, pairs->probes(2));
      log.begin(0);
      run.on_step([&](const StepReport& report) { log.after(report.step); });
      run.run();
    } catch (const std::exception& error) {
      failure = error.what();
    }
    trained = true;
  });
  std::atomic<int> answers = 0, others = 0;
  std::vector<std::thread> clients;
  for (int i = 0; i < 3; ++i)
    clients.emplace_back([&] {
      do {
        const std::string answer = get(served, "/data");
        ++answers;
        others += !answer.starts_with("HTTP/1.1 200");
      } while (!trained);
    });
  for (std::thread& client : clients) client.join();
  trainer.join();
  CHECK(failure.empty());
  CHECK(answers >= 3);
  CHECK(others == 0);
  CHECK_THAT(get(served, "/data"), ContainsSubstring("\"step\":12"));
}

TEST_CASE("clients that ask for much and take nothing cost little memory, and others are answered") {
  const Served served;
  std::string lines;
  for (int step = 2; lines.size() < 1'500'000; ++step)
    lines += fmt::format("{{\"step\":{},\"loss\":2.0123456789,\"validation_loss\":2.0123456789}}\n", step);
  std::ofstream(served.file("metrics.jsonl"), std::ios::app) << lines;
  const std::string whole = get(served, "/data");
  CHECK_THAT(whole, StartsWith("HTTP/1.1 200"));
  REQUIRE(whole.size() > 700'000);
  const std::size_t before = memory();
  std::vector<std::unique_ptr<Client>> idle;
  const int many = 40;  // of other data each
  for (int i = 0; i < many; ++i) {
    idle.push_back(std::make_unique<Client>(served));
    REQUIRE(idle.back()->send(fmt::format("GET /data?from={} HTTP/1.1\r\nHost: localhost\r\n\r\n", i)));
  }
  CHECK_THAT(get(served, "/"), StartsWith("HTTP/1.1 200"));
  const Client next(served);
  REQUIRE(next.send("GET /data?from=1000 HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  const std::string other = next.answer(seconds(90));  // in its turn, also where each takes long to make
  CHECK_THAT(other, StartsWith("HTTP/1.1 200") || (StartsWith("HTTP/1.1 503") && ContainsSubstring("ask again")));
#ifndef __SANITIZE_ADDRESS__  // which keeps what is freed
  CHECK(memory() < before + many * whole.size());
#endif
  idle.clear();
  const auto began = Clock::now();
  std::string answer;
  while (!answer.starts_with("HTTP/1.1 200") && Clock::now() - began < seconds(30)) answer = get(served, "/data");
  CHECK(answer.size() == whole.size());
}

TEST_CASE("clients that ask for the same at once are given the same") {
  const Served served;
  std::vector<std::unique_ptr<Client>> all;
  for (int i = 0; i < 20; ++i) {
    all.push_back(std::make_unique<Client>(served));
    REQUIRE(all.back()->send("GET /data HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  }
  const std::string whole = get(served, "/data");
  CHECK_THAT(whole, StartsWith("HTTP/1.1 200") && ContainsSubstring("\"loss\":[2.5]"));
  for (const auto& client : all) CHECK(client->answer() == whole);
  served.run->append_metrics({{"step", 2}, {"loss", 1.25}});
  CHECK_THAT(get(served, "/data"), ContainsSubstring("\"loss\":[2.5,1.25]"));  // and nobody what is old
}

TEST_CASE("a server with slow clients ends at once", "[threads]") {
  auto served = std::make_unique<Served>();
  const Client silent(*served), slow(*served);
  slow.send("GET / HT");
  CHECK_THAT(get(*served, "/"), StartsWith("HTTP/1.1 200"));
  const auto began = Clock::now();
  served.reset();
  CHECK(Clock::now() - began < seconds(2));
}

TEST_CASE("an odd run folder is an error that the page shows, and no wait for ever") {
  const auto answer_with = [](const auto& spoil) {
    const Served served;
    spoil(served);
    const std::string answer = get(served, "/data");
    CHECK_THAT(get(served, "/"), StartsWith("HTTP/1.1 200"));
    return answer;
  };
  for (const char* name : {"metrics.jsonl", "config.json", "attention", "attention/index.json", "attention/x.npy"}) {
    INFO(name);
    const auto cleared = [&](const Served& served) {
      std::filesystem::remove(served.file(name));
      std::filesystem::create_directories(served.file(name).parent_path());
      return served.file(name);
    };
    const std::string pipe = answer_with([&](const Served& s) { REQUIRE(::mkfifo(cleared(s).c_str(), 0600) == 0); });
    CHECK_THAT(pipe, StartsWith("HTTP/1.1 500") && ContainsSubstring(name) && ContainsSubstring("neither"));
    const std::string device =
        answer_with([&](const Served& s) { std::filesystem::create_symlink("/dev/zero", cleared(s)); });
    CHECK_THAT(device, StartsWith("HTTP/1.1 500") && ContainsSubstring(name));
    const std::string socket = answer_with([&](const Served& s) {
      sockaddr_un address = {};
      address.sun_family = AF_UNIX;
      const std::string path = cleared(s).string();
      REQUIRE(path.size() < sizeof address.sun_path);
      path.copy(address.sun_path, path.size());
      const int listening = ::socket(AF_UNIX, SOCK_STREAM, 0);
      REQUIRE(::bind(listening, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
      ::close(listening);
    });
    CHECK_THAT(socket, StartsWith("HTTP/1.1 500") && ContainsSubstring(name));
  }
  for (const char* name : {"metrics.jsonl", "config.json", "attention/index.json"}) {
    INFO(name);
    CHECK_THAT(answer_with([&](const Served& s) {
                 std::filesystem::remove(s.file(name));
                 std::filesystem::create_directories(s.file(name));
               }),
               StartsWith("HTTP/1.1 500") && ContainsSubstring(name));
  }
}

TEST_CASE("the address that is printed opens, whatever address is listened at") {
  CHECK_THAT(Served("0.0.0.0").server.url(), StartsWith("http://127.0.0.1:"));
  CHECK_THAT(get(Served("0.0.0.0"), "/"), StartsWith("HTTP/1.1 200"));
  CHECK_THAT(Served("localhost").server.url(), StartsWith("http://localhost:"));
  if (!std::filesystem::exists("/proc/net/if_inet6") || std::ifstream("/proc/net/if_inet6").peek() == EOF) {
    WARN("skipped: this machine has no IPv6");
    return;
  }
  for (const char* host : {"::1", "::"}) {
    const Served served(host);
    CHECK_THAT(served.server.url(), StartsWith("http://[::1]:"));
    const Client client(served, "::1");
    CHECK(client.send("GET / HTTP/1.1\r\nHost: [::1]:" + served.port + "\r\n\r\n"));
    CHECK_THAT(client.answer(), StartsWith("HTTP/1.1 200"));
  }
}
