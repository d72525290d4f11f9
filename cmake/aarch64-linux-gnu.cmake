# Builds for ARM of 64 bits on another machine and runs what was built in an emulator: Debian's g++-aarch64-linux-gnu,
# qemu-user and the arm64 packages of the libraries. Given to CMake as CMAKE_TOOLCHAIN_FILE.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64)
