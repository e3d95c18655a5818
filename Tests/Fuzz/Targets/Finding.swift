import Glibc

/// Something that must not be, whatever the peer sends.
package struct Finding: Error, Equatable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }

    /// Says so and ends the process, as libFuzzer wants it.
    package func abort() -> Never {
        var line = "FINDING: \(self.description)\n"
        line.withUTF8 { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
        Glibc.abort()
    }
}
