#include "actor/physics/mujoco/gl_context.h"

#include <dlfcn.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace kmyriad {
namespace {

// Handles and numbers of EGL 1.5 and OSMesa 8, whose headers a machine that
// only runs the program lacks.
using Handle = void*;
constexpr int kEglSurfaceType = 0x3033;
constexpr int kEglPbufferBit = 1;
constexpr int kEglRenderableType = 0x3040;
constexpr int kEglOpenGlBit = 8;
constexpr int kEglNone = 0x3038;
constexpr unsigned kEglOpenGlApi = 0x30A2;
constexpr unsigned kEglSurfacelessPlatform = 0x31DD;
constexpr unsigned kGlRgba = 0x1908;
constexpr unsigned kGlUnsignedByte = 0x1401;

// Its functions must be found by MuJoCo, too, hence RTLD_GLOBAL. Never closed:
// drivers do not survive that.
absl::StatusOr<Handle> OpenLibrary(const char* name) {
  const Handle library = dlopen(name, RTLD_NOW | RTLD_GLOBAL);
  if (library != nullptr) return library;
  return absl::FailedPreconditionError(dlerror());
}

template <typename Function>
absl::Status Find(Handle library, const char* name, Function* function) {
  *function = reinterpret_cast<Function>(dlsym(library, name));
  if (*function != nullptr) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("no function ", name));
}

class EglContext : public GlContext {
 public:
  ~EglContext() override {
    if (context_ != nullptr) {
      make_current_(display_, nullptr, nullptr, nullptr);
      destroy_context_(display_, context_);
    }
    if (display_ != nullptr) terminate_(display_);
  }

  absl::Status Open() {
    KMYRIAD_ASSIGN_OR_RETURN(const Handle egl, OpenLibrary("libEGL.so.1"));
    Handle (*get_function)(const char*);
    Handle (*get_display)(Handle);
    unsigned (*initialize)(Handle, int*, int*);
    unsigned (*bind_api)(unsigned);
    unsigned (*choose_config)(Handle, const int*, Handle*, int, int*);
    Handle (*create_context)(Handle, Handle, Handle, const int*);
    KMYRIAD_RETURN_IF_ERROR(Find(egl, "eglGetProcAddress", &get_function));
    KMYRIAD_RETURN_IF_ERROR(Find(egl, "eglGetDisplay", &get_display));
    KMYRIAD_RETURN_IF_ERROR(Find(egl, "eglInitialize", &initialize));
    KMYRIAD_RETURN_IF_ERROR(Find(egl, "eglTerminate", &terminate_));
    KMYRIAD_RETURN_IF_ERROR(Find(egl, "eglBindAPI", &bind_api));
    KMYRIAD_RETURN_IF_ERROR(Find(egl, "eglChooseConfig", &choose_config));
    KMYRIAD_RETURN_IF_ERROR(Find(egl, "eglCreateContext", &create_context));
    KMYRIAD_RETURN_IF_ERROR(Find(egl, "eglMakeCurrent", &make_current_));
    KMYRIAD_RETURN_IF_ERROR(Find(egl, "eglDestroyContext", &destroy_context_));
    const auto get_platform_display =
        reinterpret_cast<Handle (*)(unsigned, Handle, const int*)>(
            get_function("eglGetPlatformDisplayEXT"));
    // A GPU's driver knows the default display, Mesa the one without a screen.
    std::vector<Handle> displays;
    if (get_platform_display != nullptr) {
      displays.push_back(
          get_platform_display(kEglSurfacelessPlatform, nullptr, nullptr));
    }
    displays.push_back(get_display(nullptr));
    for (const Handle display : displays) {
      if (display == nullptr || initialize(display, nullptr, nullptr) == 0) {
        continue;
      }
      display_ = display;
      // MuJoCo draws into a frame buffer of its own: any configuration will
      // do, and none as well.
      const int wanted[] = {kEglSurfaceType, kEglPbufferBit, kEglRenderableType,
                            kEglOpenGlBit, kEglNone};
      Handle config = nullptr;
      int count = 0;
      choose_config(display, wanted, &config, 1, &count);
      if (bind_api(kEglOpenGlApi) != 0) {
        context_ = create_context(display, count > 0 ? config : nullptr,
                                  nullptr, nullptr);
      }
      if (context_ != nullptr &&
          make_current_(display, nullptr, nullptr, context_) != 0) {
        return absl::OkStatus();
      }
      break;
    }
    return absl::FailedPreconditionError("no display that draws OpenGL");
  }

 private:
  unsigned (*terminate_)(Handle) = nullptr;
  unsigned (*make_current_)(Handle, Handle, Handle, Handle) = nullptr;
  unsigned (*destroy_context_)(Handle, Handle) = nullptr;
  Handle display_ = nullptr;
  Handle context_ = nullptr;
};

class OsMesaContext : public GlContext {
 public:
  ~OsMesaContext() override {
    if (context_ != nullptr) destroy_context_(context_);
  }

  absl::Status Open() {
    absl::StatusOr<Handle> mesa = OpenLibrary("libOSMesa.so.8");
    if (!mesa.ok()) mesa = OpenLibrary("libOSMesa.so.6");
    KMYRIAD_RETURN_IF_ERROR(mesa.status());
    Handle (*create_context)(unsigned, int, int, int, Handle);
    unsigned char (*make_current)(Handle, void*, unsigned, int, int);
    KMYRIAD_RETURN_IF_ERROR(
        Find(*mesa, "OSMesaCreateContextExt", &create_context));
    KMYRIAD_RETURN_IF_ERROR(Find(*mesa, "OSMesaMakeCurrent", &make_current));
    KMYRIAD_RETURN_IF_ERROR(
        Find(*mesa, "OSMesaDestroyContext", &destroy_context_));
    context_ = create_context(kGlRgba, 24, 8, 0, nullptr);
    // MuJoCo draws into a frame buffer of its own.
    if (context_ != nullptr &&
        make_current(context_, pixel_, kGlUnsignedByte, 1, 1) != 0) {
      return absl::OkStatus();
    }
    return absl::FailedPreconditionError("no context can be made");
  }

 private:
  void (*destroy_context_)(Handle) = nullptr;
  Handle context_ = nullptr;
  unsigned char pixel_[4] = {};
};

}  // namespace

absl::StatusOr<std::unique_ptr<GlContext>> GlContext::Create() {
  const char* const named = std::getenv("MUJOCO_GL");
  const std::string wanted = named == nullptr ? "" : named;
  if (!wanted.empty() && wanted != "egl" && wanted != "osmesa") {
    return absl::FailedPreconditionError(
        absl::StrCat("MUJOCO_GL = ", wanted,
                     ": pictures are drawn without a screen; set it to egl or "
                     "osmesa, or unset it"));
  }
  std::string failures;
  if (wanted != "osmesa") {
    auto egl = std::make_unique<EglContext>();
    const absl::Status status = egl->Open();
    if (status.ok()) {
      setenv("MUJOCO_GL", "egl", /*overwrite=*/1);
      return egl;
    }
    absl::StrAppend(&failures, "EGL: ", status.message(), "; ");
  }
  if (wanted != "egl") {
    auto mesa = std::make_unique<OsMesaContext>();
    const absl::Status status = mesa->Open();
    if (status.ok()) {
      setenv("MUJOCO_GL", "osmesa", /*overwrite=*/1);
      return mesa;
    }
    absl::StrAppend(&failures, "OSMesa: ", status.message(), "; ");
  }
  return absl::FailedPreconditionError(
      absl::StrCat("no OpenGL to draw with: ", failures,
                   "install libegl1 and libgl1-mesa-dri, or libosmesa6 "
                   "(deploy/setup --render)"));
}

}  // namespace kmyriad
