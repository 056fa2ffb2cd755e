using System.Reflection;
using Xunit.Abstractions;
using Xunit.Sdk;

namespace Ardir.Tests;

/// <summary>A test that cannot be tried is skipped with its reason; one that fails fails, as any other.</summary>
public sealed class SkippableFactTests
{
    [Fact]
    public async Task Run_TestThatCannotBeTried_IsSkippedWithItsReason()
    {
        var (summary, said) = await Run(nameof(Trials.CannotBeTried));
        (summary.Total, summary.Failed, summary.Skipped).Should().Be((1, 0, 1));
        said.OfType<ITestSkipped>().Should().ContainSingle().Which.Reason.Should().Be("nothing to try it with");
        said.OfType<ITestFailed>().Should().BeEmpty();
    }

    [Fact]
    public async Task Run_TestThatFails_Fails()
    {
        var (summary, said) = await Run(nameof(Trials.Fails));
        (summary.Total, summary.Failed, summary.Skipped).Should().Be((1, 1, 0));
        said.OfType<ITestFailed>().Should().ContainSingle().Which.Messages.Should().Equal("on purpose");
        said.OfType<ITestSkipped>().Should().BeEmpty();
    }

    private static async Task<(RunSummary Summary, List<IMessageSinkMessage> Said)> Run(string name)
    {
        var none = new NullMessageSink();
        var type = Reflector.Wrap(typeof(Trials));
        var collection = new TestCollection(new TestAssembly(Reflector.Wrap(Assembly.GetExecutingAssembly())), null, "trials");
        var method = new TestMethod(new TestClass(collection, type), type.GetMethod(name, includePrivateMethod: false));
        using var test = new SkippableTestCase(none, TestMethodDisplay.Method, TestMethodDisplayOptions.None, method);
        using var bus = new ListBus();
        using var stop = new CancellationTokenSource();
        return (await test.RunAsync(none, bus, [], new ExceptionAggregator(), stop), bus.Said);
    }

    private sealed class ListBus : IMessageBus
    {
        public List<IMessageSinkMessage> Said { get; } = [];

        public bool QueueMessage(IMessageSinkMessage message)
        {
            Said.Add(message);
            return true;
        }

        public void Dispose()
        {
            // Nothing is held.
        }
    }

    // No test of its own: nested and not public, so that no runner finds it.
#pragma warning disable xUnit1000, CA1822 // not found on purpose; xunit runs methods of an object
    private sealed class Trials
    {
        [SkippableFact]
        public void CannotBeTried() => throw new SkipTestException("nothing to try it with");

        [SkippableFact]
        public void Fails() => throw new InvalidOperationException("on purpose");
    }
#pragma warning restore xUnit1000, CA1822
}
