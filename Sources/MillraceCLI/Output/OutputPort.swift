import Glibc

/// A file descriptor that is written to without waiting, whatever it is and whoever shares it.
///
/// Whether a descriptor waits is a property of the open file, which other processes have in hand too: it is left as it is.
/// A pipe or a terminal is opened once more instead, and a socket is told with each call.
struct OutputPort {
    private let descriptor: Int32
    private let way: Way
    private enum Way {
        /// Whatever takes all of it at once, as a regular file does; or a descriptor of our own that does not wait.
        case plain
        case socket
        /// It can not be opened again: it is looked at before each write, which is then short enough to be taken whole.
        case looking
    }

    /// - Parameter descriptor: Stays the caller's.
    init(_ descriptor: Int32) {
        var status = stat()
        let kind = fstat(descriptor, &status) == 0 ? status.st_mode & S_IFMT : S_IFREG
        let isWritable = fcntl(descriptor, F_GETFL) & O_ACCMODE != O_RDONLY
        switch kind {
        case S_IFSOCK: (self.descriptor, self.way) = (descriptor, .socket)
        case S_IFIFO where isWritable, S_IFCHR where isWritable:
            let own = open("/proc/self/fd/\(descriptor)", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
            (self.descriptor, self.way) = own >= 0 ? (own, .plain) : (descriptor, .looking)
        default: (self.descriptor, self.way) = (descriptor, .plain)
        }
    }

    enum Written: Equatable {
        case octets(Int)
        /// It takes nothing now.
        case full
        /// It takes nothing more, for this `errno`.
        case failed(Int32)
    }

    /// Writes as much as it takes now.
    func write(_ octets: ArraySlice<UInt8>) -> Written {
        while true {
            let count = octets.withUnsafeBytes { bytes in
                switch self.way {
                case .plain: Glibc.write(self.descriptor, bytes.baseAddress, bytes.count)
                case .socket:
                    send(self.descriptor, bytes.baseAddress, bytes.count, Int32(MSG_DONTWAIT | MSG_NOSIGNAL))
                case .looking:
                    self.isReady(within: 0)
                        ? Glibc.write(self.descriptor, bytes.baseAddress, min(bytes.count, 4096)) : 0
                }
            }
            if count > 0 { return .octets(count) }
            if count == 0 || errno == EAGAIN { return .full }
            if errno != EINTR { return .failed(errno) }
        }
    }

    /// Waits until it takes something again, or so many milliseconds.
    func awaitRoom(milliseconds: Int32) { _ = self.isReady(within: milliseconds) }

    private func isReady(within milliseconds: Int32) -> Bool {
        var ready = pollfd(fd: self.descriptor, events: Int16(POLLOUT), revents: 0)
        return poll(&ready, 1, milliseconds) > 0
    }
}
