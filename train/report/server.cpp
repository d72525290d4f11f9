#include <gaze/train/report/server.h>

#include <arpa/inet.h>
#include <httplib.h>
#include <malloc.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <list>
#include <memory>
#include <mutex>
#include <random>
#include <string_view>
#include <thread>

#include <nlohmann/json.hpp>

#include <gaze/autograd/base/error.h>
#include <gaze/train/report/report.h>

namespace gaze::train {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::size_t max_connections = 64;        // and as many threads, which sleep
constexpr std::size_t max_head = 16384;            // bytes: cookies of other servers at this host, too
constexpr std::ptrdiff_t max_lines = 100;          // of a head
constexpr auto head_time = milliseconds(3000);     // for all of a request's head
constexpr auto answer_time = milliseconds(10000);  // for an answer, and besides:
constexpr std::size_t slowest = 16384;             // bytes a second
constexpr std::size_t max_waiting = 4 << 20;       // bytes of data that clients have not taken yet, and one answer more
constexpr std::string_view end_of_head = "\r\n\r\n";

/// One request and its answer. The head is read as a whole before anybody looks at it; there are no bodies.
class Connection final : public httplib::Stream {
 public:
  explicit Connection(socket_t socket) : socket_(socket) {}

  /// Reads the head. False when it does not come in time, is too long, or the connection was cut.
  bool read_head() {
    const auto deadline = Clock::now() + head_time;
    char buffer[4096];
    while (head_.find(end_of_head) == head_.npos) {
      if (head_.size() > max_head) return refuse("431 Request Header Fields Too Large");
      if (!wait(POLLIN, deadline)) return !cut_ && refuse("408 Request Timeout");
      const ssize_t count = ::recv(socket_, buffer, sizeof buffer, MSG_DONTWAIT);
      if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (count <= 0) return false;
      head_.append(buffer, static_cast<std::size_t>(count));
    }
    head_.resize(head_.find(end_of_head) + end_of_head.size());
    const bool short_enough = head_.size() <= max_head && std::count(head_.begin(), head_.end(), '\n') <= max_lines;
    return short_enough || refuse("431 Request Header Fields Too Large");
  }
  void cut() {  ///< by another thread
    cut_ = true;
    ::shutdown(socket_, SHUT_RDWR);
  }
  bool refuse(std::string_view status) {
    const std::string answer = fmt::format("HTTP/1.1 {}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", status);
    ::send(socket_, answer.data(), answer.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    return false;
  }
  /// What a client still sends is read away: closing with bytes unread would take the answer from it.
  void close() {
    ::shutdown(socket_, SHUT_WR);
    char buffer[4096];
    for (int i = 0; i < 16 && ::recv(socket_, buffer, sizeof buffer, MSG_DONTWAIT) > 0;) ++i;
    ::close(socket_);
  }

  bool is_readable() const override { return read_ < head_.size(); }
  bool is_writable() const override { return !cut_; }
  ssize_t read(char* to, std::size_t size) override {
    const std::size_t count = head_.copy(to, size, read_);
    read_ += count;
    return static_cast<ssize_t>(count);
  }
  ssize_t write(const char* from, std::size_t size) override {
    std::size_t done = 0;
    if (written_ == 0) answer_from_ = Clock::now();  // others may have been answered first
    while (done < size) {
      const auto allowed = milliseconds((written_ + done) * 1000 / slowest);
      if (!wait(POLLOUT, answer_from_ + answer_time + allowed)) return -1;
      const ssize_t count = ::send(socket_, from + done, size - done, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (count < 0) return -1;
      done += static_cast<std::size_t>(count);
    }
    written_ += done;
    return static_cast<ssize_t>(done);
  }
  void get_remote_ip_and_port(std::string&, int&) const override {}
  void get_local_ip_and_port(std::string&, int&) const override {}
  socket_t socket() const override { return socket_; }

 private:
  bool wait(short what, Clock::time_point deadline) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now()).count();
    pollfd waited{socket_, what, 0};
    return left > 0 && !cut_ && (::poll(&waited, 1, static_cast<int>(left)) > 0 || errno == EINTR) && !cut_;
  }

  socket_t socket_;
  std::atomic<bool> cut_ = false;
  std::string head_;
  std::size_t read_ = 0, written_ = 0;
  Clock::time_point answer_from_ = Clock::now();
};

/// The library's server on such connections. Of more than it can hold, the one that has been waited for longest goes.
class Server final : public httplib::Server {
 public:
  Server() {
    new_task_queue = [this] { return new Threads(*this); };
  }
  /// Cuts all connections: stop() waits for them.
  void cut_all() {
    const std::lock_guard lock(one_at_a_time_);
    stopping_ = true;
    for (Connection* connection : open_) connection->cut();
  }

 private:
  struct Threads final : httplib::TaskQueue {
    explicit Threads(Server& s) : pool(max_connections), server(s) {}
    using Enqueued = decltype(std::declval<httplib::TaskQueue&>().enqueue({}));  // void, then bool
    Enqueued enqueue(std::function<void()> job) override {
      if (server.admit()) return pool.enqueue(std::move(job));
      server.refusing_ = true;
      job();
      server.refusing_ = false;
      return static_cast<Enqueued>(true);
    }
    void shutdown() override { pool.shutdown(); }
    httplib::ThreadPool pool;
    Server& server;
  };

  /// In the thread that listens: whether there is room for one more.
  bool admit() {
    const std::lock_guard lock(one_at_a_time_);
    if (stopping_) return false;
    if (admitted_ >= max_connections) {
      if (waiting_.empty()) return false;
      waiting_.front()->cut();
      waiting_.pop_front();
    }
    ++admitted_;
    return true;
  }

  bool process_and_close_socket(socket_t socket) override {
    Connection connection(socket);
    if (std::this_thread::get_id() == listening && refusing_) {
      connection.refuse("503 Service Unavailable");
      connection.close();
      return false;
    }
    {
      const std::lock_guard lock(one_at_a_time_);
      open_.push_back(&connection), waiting_.push_back(&connection);
      if (stopping_) connection.cut();
    }
    const bool whole = connection.read_head();
    {
      const std::lock_guard lock(one_at_a_time_);
      waiting_.remove(&connection);
    }
    const bool done = whole && answer(*this, connection);
    const std::lock_guard lock(one_at_a_time_);
    open_.remove(&connection);
    --admitted_;
    connection.close();
    return done;
  }

  /// Versions of the library from 0.17 on want addresses too.
  template <class Self>
  static bool answer(Self& self, Connection& connection) {
    bool closed = false;
    if constexpr (requires { self.process_request(connection, true, closed, nullptr); })
      return self.process_request(connection, true, closed, nullptr);
    else
      return self.process_request(connection, "", 0, "", 0, true, closed, nullptr);
  }

  std::mutex one_at_a_time_;
  std::list<Connection*> open_, waiting_;  ///< waiting: for their heads, the longest first
  std::size_t admitted_ = 0;
  bool stopping_ = false;
  bool refusing_ = false;  ///< of the thread that listens

 public:
  std::thread::id listening;
};

std::string in_lower_case(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

bool is_address(const std::string& host) {
  in6_addr room;
  return ::inet_pton(AF_INET, host.c_str(), &room) == 1 || ::inet_pton(AF_INET6, host.c_str(), &room) == 1;
}

/// The host of HOST, HOST:PORT or [ADDRESS]:PORT, in lower case.
std::string host_of(const std::string& authority) {
  const bool bracketed = authority.starts_with('[');
  const std::size_t end = authority.find(bracketed ? ']' : ':');
  if (bracketed && end != authority.npos && end + 1 < authority.size() && authority[end + 1] != ':') return "";
  return in_lower_case(authority.substr(bracketed, end == authority.npos ? end : end - bracketed));
}

/// Whether a browser that asks by this name means this machine: a name that somebody else owns can be made to point
/// here, an address cannot.
bool is_own_name(const std::string& host, const std::string& listens_at) {
  char name[256] = {};
  ::gethostname(name, sizeof name - 1);
  const std::string own = in_lower_case(name);
  return is_address(host) || host == "localhost" || host.ends_with(".localhost") || host == in_lower_case(listens_at) ||
         (!own.empty() && (host == own || host == own + ".local"));
}

/// Why a request is not answered, with the status, or nothing.
std::pair<int, std::string> refusal(const httplib::Request& request, const std::string& listens_at) {
  if (request.method != "GET" && request.method != "HEAD") return {405, "there is only GET here\n"};
  const std::string host = request.get_header_value("Host");
  if (request.get_header_value_count("Host") != 1 || !is_own_name(host_of(host), listens_at))
    return {403, "this page is not served under that name: open it by address, or start gaze with --host NAME\n"};
  if (request.has_header("Origin") &&
      in_lower_case(request.get_header_value("Origin")) != in_lower_case("http://" + host))
    return {403, "pages of other origins may not read this one\n"};
  if (request.has_header("Range")) return {416, ""};
  return {0, ""};
}

/// The page may run its own script and ask this server; nothing else, and in no other page's frame.
void add_policy(std::string& page, httplib::Response& response) {
  std::random_device random;
  const std::string nonce = fmt::format("{:08x}{:08x}{:08x}{:08x}", random(), random(), random(), random());
  constexpr std::string_view script = "<script type=\"module\"";
  const std::size_t at = page.find(script);
  require(at != page.npos, "report: the page has no script");
  page.insert(at + script.size(), fmt::format(" nonce=\"{}\"", nonce));
  response.set_header("Content-Security-Policy",
                      fmt::format("default-src 'none'; script-src 'nonce-{}'; style-src 'unsafe-inline'; "
                                  "img-src data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
                                  "frame-ancestors 'none'",
                                  nonce));
}

/// Where a browser of this machine finds a server that listens at `host`.
std::string address_of(const std::string& host) {
  if (host == "0.0.0.0" || host.empty()) return "127.0.0.1";
  if (host == "::") return "[::1]";
  return host.find(':') == host.npos ? host : fmt::format("[{}]", host);
}

}  // namespace

struct ReportServer::Parts {
  /// The data of a run as text, or nothing when too much waits for clients to take it. Those of a long training are
  /// megabytes, and are kept until they are taken: clients that ask for the same at once share them.
  std::shared_ptr<const std::string> data(const RunFolder& run, std::size_t from) {
    const auto asked = Clock::now();
    const std::lock_guard lock(reading);
    if (last_from == from && last_made >= asked)  // while this one waited for the lock
      if (auto same = last.lock()) return same;
    if (waiting >= max_waiting) return nullptr;
    const auto made = Clock::now();
    std::string text = report_data(run, from).dump();
    const std::size_t size = text.size();
    waiting += size;
    const std::shared_ptr<const std::string> kept(new std::string(std::move(text)), [this, size](const auto* gone) {
      delete gone;
      waiting -= size;
    });
    // Of what the text was made of, many times its size, the C library would keep the memory for this thread.
    if (constexpr std::size_t large = 1 << 18; size > large) ::malloc_trim(0);
    last = kept, last_from = from, last_made = made;
    return kept;
  }

  std::atomic<std::size_t> waiting = 0;  ///< bytes; outlives the server, whose answers count down
  Server server;
  std::thread listening;
  std::string host;

 private:
  std::mutex reading;  ///< of the run: its data are made for one client at a time
  std::weak_ptr<const std::string> last;
  std::size_t last_from = 0;
  Clock::time_point last_made = {};
};

ReportServer::ReportServer(const std::string& host, int port) : parts_(std::make_unique<Parts>()) {
  parts_->host = host;
  httplib::Server& server = parts_->server;
  // The library's default lets two programs listen at one port.
  server.set_socket_options([](socket_t socket) {
    const int yes = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  });
  const int bound = port == 0 ? server.bind_to_any_port(host) : server.bind_to_port(host, port) ? port : -1;
  require(bound > 0, "port {} of {} cannot be listened at: it is in use, or not allowed", port, host);
  url_ = fmt::format("http://{}:{}/", address_of(host), bound);
}

void ReportServer::serve(const RunFolder& run) {
  Parts& parts = *parts_;
  Server& server = parts.server;
  server.set_pre_routing_handler([&parts](const httplib::Request& request, httplib::Response& response) {
    for (const auto& [name, value] : {std::pair{"X-Frame-Options", "DENY"},
                                      {"X-Content-Type-Options", "nosniff"},
                                      {"Referrer-Policy", "no-referrer"},
                                      {"Cross-Origin-Resource-Policy", "same-origin"},
                                      {"Cache-Control", "no-store"}})
      response.set_header(name, value);
    const auto [status, why] = refusal(request, parts.host);
    if (status == 0) return httplib::Server::HandlerResponse::Unhandled;
    response.status = status;
    if (!why.empty()) response.set_content(why, "text/plain; charset=utf-8");
    return httplib::Server::HandlerResponse::Handled;
  });
  server.Get("/", [](const httplib::Request&, httplib::Response& response) {
    std::string page = report_page(nlohmann::json{{"live", true}});
    add_policy(page, response);
    response.set_content(page, "text/html; charset=utf-8");
  });
  server.Get("/data", [run, &parts](const httplib::Request& request, httplib::Response& response) {
    const std::string text = request.get_param_value("from");
    std::size_t from = 0;
    std::from_chars(text.data(), text.data() + text.size(), from);
    try {
      const auto data = parts.data(run, from);
      if (!data) {
        response.status = 503;
        response.set_content("others have not taken their answers yet; ask again\n", "text/plain; charset=utf-8");
        return;
      }
      response.set_content_provider(data->size(), "application/json",
                                    [data](std::size_t at, std::size_t count, httplib::DataSink& sink) {
                                      return sink.write(data->data() + at, count);
                                    });
    } catch (const std::exception& error) {
      response.status = 500;
      response.set_content(error.what(), "text/plain; charset=utf-8");
    }
  });
  parts.listening = std::thread([&server] {
    server.listening = std::this_thread::get_id();
    server.listen_after_bind();
  });
  while (!server.is_running()) std::this_thread::sleep_for(milliseconds(1));  // stop() needs it to run
}

ReportServer::~ReportServer() {
  parts_->server.cut_all();
  parts_->server.stop();
  if (parts_->listening.joinable()) parts_->listening.join();
}

void ReportServer::wait() { parts_->listening.join(); }

}  // namespace gaze::train
