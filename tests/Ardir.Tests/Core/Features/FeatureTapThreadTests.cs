using Ardir.Core;

namespace Ardir.Tests;

/// <summary>One model in two threads: a tap keeps the maps of its own pass.</summary>
public sealed class FeatureTapThreadTests
{
    [Fact]
    public void Forward_AnotherThreadInTheMiddleOfThePass_LeavesTheMapsAlone()
    {
        using var scope = NewDisposeScope();
        var (owner, others) = (Environment.CurrentManagedThreadId, new List<Exception>());
        nn.Module<Tensor, Tensor>? model = null;
        // While the first layer of the tapped pass runs, another thread sends something else through the whole model.
        using var gate = new FuncModel(x =>
        {
            if (Environment.CurrentManagedThreadId != owner) return x * 2;
            var thread = new Thread(() =>
            {
                try
                {
                    using var inner = NewDisposeScope();
                    model!.call(full([1, 4], 100f));
                }
                catch (Exception e)
                {
                    others.Add(e);
                }
            });
            thread.Start();
            thread.Join();
            return x * 2;
        });
        using var tapped = new FuncModel(x => x + 1);
        model = nn.Sequential(("gate", gate), ("tapped", tapped), ("last", new FuncModel(x => x * 3)));
        using var tap = FeatureTap.Attach(model, "tapped");
        using var pass = tap.Forward(full([1, 4], 5f));
        others.Should().BeEmpty();
        TensorAssert.Values(pass.Features[0]).Should().OnlyContain(value => value == 11);
        TensorAssert.Values(pass.Output).Should().OnlyContain(value => value == 33);
        TapModels.Hooks(model).Should().Be(0);
        model.Dispose();
    }
}
