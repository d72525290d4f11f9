#include <gaze/train/report/server.h>

#include <httplib.h>

#include <charconv>
#include <chrono>
#include <thread>

#include <nlohmann/json.hpp>

#include <gaze/autograd/base/error.h>
#include <gaze/train/report/report.h>

namespace gaze::train {

struct ReportServer::Parts {
  httplib::Server server;
  std::thread listening;
};

ReportServer::ReportServer(const std::string& host, int port) : parts_(std::make_unique<Parts>()) {
  httplib::Server& server = parts_->server;
  constexpr std::size_t threads = 4;   // they sleep but for a moment a second
  server.set_keep_alive_max_count(1);  // an idle connection would hold one of them
  server.new_task_queue = [] { return new httplib::ThreadPool(threads); };
  // The library's default lets two programs listen at one port.
  server.set_socket_options([](socket_t socket) {
    const int yes = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  });
  const int bound = port == 0 ? server.bind_to_any_port(host) : server.bind_to_port(host, port) ? port : -1;
  require(bound > 0, "port {} of {} cannot be listened at: it is in use, or not allowed", port, host);
  url_ = fmt::format("http://{}:{}/", host, bound);
}

void ReportServer::serve(const RunFolder& run) {
  httplib::Server& server = parts_->server;
  server.Get("/", [](const httplib::Request&, httplib::Response& response) {
    response.set_content(report_page(nlohmann::json{{"live", true}}), "text/html; charset=utf-8");
  });
  server.Get("/data", [run](const httplib::Request& request, httplib::Response& response) {
    const std::string text = request.get_param_value("from");
    std::size_t from = 0;
    std::from_chars(text.data(), text.data() + text.size(), from);
    response.set_header("Cache-Control", "no-store");
    try {
      response.set_content(report_data(run, from).dump(), "application/json");
    } catch (const std::exception& error) {
      response.status = 500;
      response.set_content(error.what(), "text/plain; charset=utf-8");
    }
  });
  parts_->listening = std::thread([&server] { server.listen_after_bind(); });
  while (!server.is_running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));  // stop() needs it to run
}

ReportServer::~ReportServer() {
  parts_->server.stop();
  if (parts_->listening.joinable()) parts_->listening.join();
}

void ReportServer::wait() { parts_->listening.join(); }

}  // namespace gaze::train
