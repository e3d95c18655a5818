import AMQPClient
import Glibc

/// A file descriptor that octets go to: all of them, or a reason why not.
enum Descriptor {
    /// Writes all of it, however the system splits it up.
    ///
    /// - Parameters:
    ///   - octets: What to write.
    ///   - descriptor: Where to.
    ///   - deadline: How long who reads may take, in nanoseconds of the monotonic clock, if the descriptor does not wait by
    ///     itself.
    /// - Returns: 0, or what went wrong, as `errno` has it.
    static func write(_ octets: [UInt8], to descriptor: Int32, until deadline: UInt64 = .max) -> Int32 {
        var rest = octets[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if count == 0 || errno == EAGAIN {
                // Somebody who shares it may have made it one that does not wait.
                var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                let now = MonotonicClock.now()
                if now >= deadline { return ETIMEDOUT }
                let milliseconds = Int32(clamping: (deadline - now) / 1_000_000 + 1)
                if poll(&ready, 1, deadline == .max ? -1 : milliseconds) < 0, errno != EINTR { return errno }
            } else if errno != EINTR {
                return errno
            }
        }
        return 0
    }

    /// Gives 0, 1 and 2 a file, if whoever started the program closed them: a socket must not get such a number.
    ///
    /// What would be read from, or written to, a missing one still fails; what goes to standard error is dropped.
    static func secureStandardStreams() {
        for (descriptor, mode) in [(STDIN_FILENO, O_WRONLY), (STDOUT_FILENO, O_RDONLY), (STDERR_FILENO, O_WRONLY)] {
            if fcntl(descriptor, F_GETFD) < 0, errno == EBADF { _ = open("/dev/null", mode) }
        }
    }
}
