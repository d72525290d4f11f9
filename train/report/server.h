#pragma once

#include <memory>
#include <string>

#include <gaze/train/run_folder.h>

namespace gaze::train {

/// Serves the page of a run, finished or still training, in threads of its own: to browsers that ask for it by an
/// address, or by a name that belongs to this machine, so that no page of another name can read it (DNS rebinding).
/// Whatever clients do, they hold a bounded number of connections, threads and bytes, each for a bounded time.
class ReportServer {
 public:
  /// Takes the port; 0 is any that is free. Throws when it cannot be had.
  ReportServer(const std::string& host, int port);
  ~ReportServer();  ///< stops

  const std::string& url() const { return url_; }  ///< opens in a browser of this machine
  void serve(const RunFolder& run);                ///< returns at once
  void wait();                                     ///< until it is stopped, by another thread or a signal

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
  std::string url_;
};

}  // namespace gaze::train
