import AMQPClient

/// Rows and columns for people, as wide as they have to be.
package struct TextTable {
    package struct Column {
        package let title: String
        let cells: [String]
        let isText: Bool
        let width: Int

        /// - Parameters:
        ///   - title: Stands above it.
        ///   - cells: A line each.
        ///   - isText: Whether it begins at the left; numbers end at the right.
        package init(_ title: String, _ cells: [String], isText: Bool = false) {
            self.title = title
            self.cells = cells
            self.isText = isText
            self.width = (cells + [title]).map(\.count).max() ?? 0
        }

        private func padded(_ text: String) -> String {
            let padding = String(repeating: " ", count: max(self.width - text.count, 0))
            return self.isText ? text + padding : padding + text
        }

        var head: String { self.padded(self.title) }
        func cell(_ row: Int) -> String { self.padded(self.cells[row]) }
    }

    private static let gap = "  "
    package private(set) var columns: [Column]

    package init(_ columns: [Column]) { self.columns = columns }

    package static func width(_ columns: [Column]) -> Int {
        columns.reduce(0) { $0 + $1.width } + Self.gap.count * max(columns.count - 1, 0)
    }

    /// Takes one more in if there is room.
    ///
    /// - Returns: Whether there was.
    package mutating func add(_ column: Column, within width: Int) -> Bool {
        guard Self.width(self.columns + [column]) <= width else { return false }
        self.columns.append(column)
        return true
    }

    /// Its lines, the head and a rule first.
    package var lines: [String] {
        let rows = self.columns.map(\.cells.count).min() ?? 0
        let head = [
            self.columns.map(\.head).joined(separator: Self.gap),
            String(repeating: "-", count: Self.width(self.columns)),
        ]
        return head + (0..<rows).map { row in self.columns.map { $0.cell(row) }.joined(separator: Self.gap) }
    }
}
