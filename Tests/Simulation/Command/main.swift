import Foundation

do {
    let arguments = try Arguments(
        Array(CommandLine.arguments.dropFirst()),
        environment: ProcessInfo.processInfo.environment
    )
    exit(try SimulateCommand.run(arguments))
} catch let wrong as Arguments.Wrong {
    print("simulate: \(wrong.text); see ops/simulate --help")
    exit(64)
}
