using System.Reflection;
using Xunit.Abstractions;
using Xunit.Sdk;

namespace Ardir.Mutation;

/// <summary>Runs single tests of a loaded assembly in this process, again and again.</summary>
internal sealed class TestRunner : IDisposable
{
    private readonly XunitTestFramework _framework = new(new Sink());
    private readonly ITestFrameworkExecutor _executor;

    public TestRunner(Assembly assembly, IEnumerable<string> classes)
    {
        _executor = _framework.GetExecutor(assembly.GetName());
        using var discoverer = _framework.GetDiscoverer(Reflector.Wrap(assembly));
        var names = classes.ToHashSet(StringComparer.Ordinal);
        foreach (var type in assembly.GetTypes().Where(type => !type.IsNested && names.Contains(type.Name)))
        {
            using var found = new Sink();
            discoverer.Find(type.FullName!, includeSourceInformation: false, found, new Options());
            found.Done.Wait();
            Tests.AddRange(found.Cases.OrderBy(test => test.DisplayName, StringComparer.Ordinal)
                .ThenBy(test => test.UniqueID, StringComparer.Ordinal));
        }
    }

    public List<ITestCase> Tests { get; } = [];

    public bool Passes(int test)
    {
        using var sink = new Sink();
        _executor.RunTests([Tests[test]], sink, new Options());
        sink.Done.Wait();
        return !sink.Failed;
    }

    public void Dispose()
    {
        _executor.Dispose();
        _framework.Dispose();
    }

    private sealed class Sink : IMessageSink, IDisposable
    {
        public ManualResetEventSlim Done { get; } = new();

        public List<ITestCase> Cases { get; } = [];

        public bool Failed { get; private set; }

        public bool OnMessage(IMessageSinkMessage message)
        {
            if (message is ITestCaseDiscoveryMessage discovered) Cases.Add(discovered.TestCase);
            Failed |= message is ITestFailed or IErrorMessage or ITestCleanupFailure;
            Failed |= message is ITestClassCleanupFailure or ITestMethodCleanupFailure;
            if (message is IDiscoveryCompleteMessage or ITestAssemblyFinished) Done.Set();
            return !Failed;
        }

        public void Dispose() => Done.Dispose();
    }

    private sealed class Options : ITestFrameworkDiscoveryOptions, ITestFrameworkExecutionOptions
    {
        private readonly Dictionary<string, object?> _values = new()
        {
            ["xunit.discovery.PreEnumerateTheories"] = true,
            ["xunit.execution.DisableParallelization"] = true,
            ["xunit.execution.SynchronousMessageReporting"] = true,
        };

        public TValue GetValue<TValue>(string name) => _values.GetValueOrDefault(name) is TValue value ? value : default!;

        public void SetValue<TValue>(string name, TValue value) => _values[name] = value;
    }
}
