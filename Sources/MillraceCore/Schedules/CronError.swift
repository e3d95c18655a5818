/// What is wrong with a cron expression, and where in it.
package struct CronError: Error, Equatable, CustomStringConvertible {
    /// In characters (Unicode code points) from the expression's first.
    package let place: Range<Int>
    package let message: String
    package let help: String?

    package init(_ place: Range<Int>, _ message: String, help: String? = nil) {
        self.place = place
        self.message = message
        self.help = help
    }

    package var description: String { self.help.map { "\(self.message): \($0)" } ?? self.message }
}
