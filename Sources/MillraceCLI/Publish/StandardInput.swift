import Glibc

/// Standard input as octets: nothing is decoded, changed or left out.
struct StandardInput {
    private var lines = LineBuffer()
    private let stop: StopNote

    /// Ends at the end of the file, or with a signal.
    init(until stop: StopNote) { self.stop = stop }

    /// The next line, without its newline; the last may have none.
    ///
    /// - Parameter idle: Called before it waits for more.
    /// - Returns: Nil at the end, and after a signal: half a line is none.
    /// - Throws: What `idle` throws; an ``OutputError`` if it can not be read.
    mutating func line(whenIdle idle: () throws -> Void) throws -> [UInt8]? {
        while true {
            if self.stop.signal != nil { return nil }
            if let line = self.lines.next() { return line }
            guard let chunk = try self.read(whenIdle: idle) else { return nil }
            if chunk.isEmpty { return self.lines.rest() }
            self.lines.append(chunk)
        }
    }

    /// Everything; nil if a signal came before the end.
    mutating func all() throws -> [UInt8]? {
        var all: [UInt8] = []
        while let chunk = try self.read(whenIdle: {}) {
            if chunk.isEmpty { return all }
            all += chunk
        }
        return nil
    }

    /// What there is; empty at the end of the file, nil after a signal.
    private func read(whenIdle idle: () throws -> Void) throws -> [UInt8]? {
        if !self.isReady(within: 0) {
            try idle()
            while !self.isReady(within: -1) {}
        }
        if self.stop.signal != nil { return nil }
        while true {
            var chunk = [UInt8](repeating: 0, count: 65536)
            let count = Glibc.read(STDIN_FILENO, &chunk, chunk.count)
            if count >= 0 { return Array(chunk.prefix(count)) }
            guard errno == EAGAIN || errno == EINTR else { throw OutputError("standard input can not be read", errno) }
            while !self.isReady(within: -1) {}
            if self.stop.signal != nil { return nil }
        }
    }

    private func isReady(within milliseconds: Int32) -> Bool {
        var sources = [
            pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0),
            pollfd(fd: self.stop.descriptor, events: Int16(POLLIN), revents: 0),
        ]
        return poll(&sources, 2, milliseconds) > 0
    }
}

/// Lines out of octets that come in pieces.
struct LineBuffer {
    private var octets: [UInt8] = []
    private var start = 0
    private var searched = 0

    mutating func append(_ chunk: [UInt8]) {
        self.octets.removeFirst(self.start)
        self.searched -= self.start
        self.start = 0
        self.octets += chunk
    }

    /// The next whole line, without its newline.
    mutating func next() -> [UInt8]? {
        guard let end = self.octets[self.searched...].firstIndex(of: UInt8(ascii: "\n")) else {
            self.searched = self.octets.count
            return nil
        }
        defer {
            self.start = end + 1
            self.searched = self.start
        }
        return Array(self.octets[self.start..<end])
    }

    /// What is left at the end, if anything.
    mutating func rest() -> [UInt8]? {
        guard self.start < self.octets.count else { return nil }
        defer { self = LineBuffer() }
        return Array(self.octets[self.start...])
    }
}
