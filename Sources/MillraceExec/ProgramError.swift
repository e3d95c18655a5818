/// Why a program can not be run: what, where, and what to do, in one sentence.
struct ProgramError: Error, Equatable, CustomStringConvertible {
    enum Problem: Equatable {
        /// The path that was looked at.
        case missing(String)
        /// A folder on the way may not be searched.
        case outOfReach(String)
        case isNoFile(String)
        case notExecutable(String)
        /// A script, and what its first line names.
        case noInterpreter(String, String)
        /// Whether there is one in the working directory.
        case notInPath(isBeside: Bool)
        case noFolder(String)
    }

    /// As the job file has it.
    let name: String
    let problem: Problem

    var description: String { PlainLine.make("program '\(self.name)': \(self.sentence)") }

    private var sentence: String {
        switch self.problem {
        case .missing(let path): "there is no file \(path); a path is relative to the job file"
        case .outOfReach(let path): "\(path) is in a folder that may not be searched"
        case .isNoFile(let path): "\(path) is no regular file"
        case .notExecutable(let path): "\(path) is not executable; run chmod +x on it"
        case .noInterpreter(let path, let interpreter):
            "the first line of \(path) names '\(PlainLine.make(interpreter))', which is not there"
        case .notInPath(isBeside: true):
            "it is not in PATH, but beside the job file; write ./\(self.name)"
        case .notInPath(isBeside: false): "it is in none of the folders of PATH; a path needs a slash, as in ./NAME"
        case .noFolder(let path): "its working directory \(path) is not there"
        }
    }
}
