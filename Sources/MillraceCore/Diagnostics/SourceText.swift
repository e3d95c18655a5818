import AMQPCore

/// A file's text as characters, which knows its lines: the one place where offsets become lines and columns.
package struct SourceText: Sendable {
    package let file: String
    /// The text without a byte order mark; what is not UTF-8 is U+FFFD here.
    package let scalars: [Unicode.Scalar]
    /// The offsets where the bytes were not UTF-8.
    package let badOffsets: [Int]
    private let lineStarts: [Int]

    package init(file: String, bytes: some Sequence<UInt8>) {
        var scalars: [Unicode.Scalar] = []
        var bad: [Int] = []
        var decoder = UTF8()
        var iterator = bytes.makeIterator()
        reading: while true {
            switch decoder.decode(&iterator) {
            case .scalarValue(let scalar): scalars.append(scalar)
            case .emptyInput: break reading
            case .error:
                bad.append(scalars.count)
                scalars.append("\u{FFFD}")
            }
        }
        self.file = file
        self.scalars = scalars
        self.badOffsets = bad
        self.lineStarts = Self.lineStarts(scalars)
    }

    private static func lineStarts(_ scalars: [Unicode.Scalar]) -> [Int] {
        var starts = [0]
        for (offset, scalar) in scalars.enumerated() {
            let isCRLF = scalar == "\r" && offset + 1 < scalars.count && scalars[offset + 1] == "\n"
            if scalar == "\n" || (scalar == "\r" && !isCRLF) { starts.append(offset + 1) }
        }
        return starts
    }

    /// The index of the line that holds an offset, from 0.
    private func lineIndex(_ offset: Int) -> Int {
        var low = 0
        var high = self.lineStarts.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if self.lineStarts[middle] <= offset { low = middle } else { high = middle }
        }
        return low
    }

    /// A line's offsets, without its line break and the blanks before that.
    private func lineRange(_ index: Int) -> Range<Int> {
        let start = self.lineStarts[index]
        var end = index + 1 < self.lineStarts.count ? self.lineStarts[index + 1] : self.scalars.count
        while end > start, [" ", "\t", "\r", "\n"].contains(self.scalars[end - 1]) { end -= 1 }
        return start..<end
    }

    /// Line and column from 1, and how much of that line the span covers (at least 1).
    package func place(of span: SourceSpan) -> (line: Int, column: Int, length: Int) {
        let start = min(max(span.start, 0), self.scalars.count)
        let index = self.lineIndex(start)
        let length = min(span.end, self.lineRange(index).upperBound) - start
        return (index + 1, start - self.lineStarts[index] + 1, max(length, 1))
    }

    package func location(of span: SourceSpan) -> SourceLocation {
        let place = self.place(of: span)
        return SourceLocation(file: self.file, line: place.line, column: place.column)
    }

    /// A line, from 1, as it may be shown: secrets are masked, and what a terminal would obey is U+FFFD.
    ///
    /// - Parameters:
    ///   - line: Its number.
    ///   - masked: The text with its secrets masked, as long as the text.
    /// - Returns: The line, as many characters as it has in the file.
    package func shownLine(_ line: Int, of masked: [Unicode.Scalar]) -> String {
        guard self.lineStarts.indices.contains(line - 1), masked.count == self.scalars.count else { return "" }
        var view = String.UnicodeScalarView()
        view.append(
            contentsOf: masked[self.lineRange(line - 1)].map {
                PlainText.isHidden($0) && $0 != "\t" ? "\u{FFFD}" : $0
            }
        )
        return String(view)
    }

    /// The offset of the first line that starts so.
    package func firstLine(startingWith word: [Unicode.Scalar]) -> Int? {
        self.lineStarts.first { self.scalars[$0...].starts(with: word) }
    }

    /// Where a piece of text stands within a span; the span itself if it is not there as it is written.
    package func find(_ text: String, in span: SourceSpan) -> SourceSpan {
        let wanted = Array(text.unicodeScalars)
        let end = min(span.end, self.scalars.count)
        guard !wanted.isEmpty, span.start >= 0, span.start + wanted.count <= end else { return span }
        for start in span.start...(end - wanted.count)
        where self.scalars[start] == wanted[0] && self.scalars[start..<(start + wanted.count)] == wanted[...] {
            return SourceSpan(start: start, end: start + wanted.count)
        }
        return span
    }
}
