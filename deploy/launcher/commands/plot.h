#ifndef KMYRIAD_DEPLOY_LAUNCHER_COMMANDS_PLOT_H_
#define KMYRIAD_DEPLOY_LAUNCHER_COMMANDS_PLOT_H_

#include <string>

namespace kmyriad {

struct PlotOptions {
  std::string name;
  std::string runs;
  bool csv = false;
};

// `kmyriad plot`: draws plots/coverage.png and plots/curves.png of a run (and
// plots/curves.csv), prints their paths. Works on a live run, too. Returns the
// exit code.
int RunPlot(const PlotOptions& options);

}  // namespace kmyriad

#endif  // KMYRIAD_DEPLOY_LAUNCHER_COMMANDS_PLOT_H_
