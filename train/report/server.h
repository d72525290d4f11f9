#pragma once

#include <memory>
#include <string>

#include <gaze/train/run_folder.h>

namespace gaze::train {

/// Serves the page of a run, finished or still training, in threads of its own.
class ReportServer {
 public:
  /// Takes the port; 0 is any that is free. Throws when it cannot be had.
  ReportServer(const std::string& host, int port);
  ~ReportServer();  ///< stops

  const std::string& url() const { return url_; }
  void serve(const RunFolder& run);  ///< returns at once
  void wait();                       ///< until it is stopped, by another thread or a signal

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
  std::string url_;
};

}  // namespace gaze::train
