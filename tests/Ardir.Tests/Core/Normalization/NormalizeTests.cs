using Ardir.Core;

namespace Ardir.Tests;

public sealed class NormalizeTests
{
    private static readonly double[] _mean = [0.1, 0.2, 0.3];
    private static readonly double[] _std = [0.5, 0.25, 2];

    [Fact]
    public void Forward_KnownPixels_AreCentredAndScaledPerChannel()
    {
        using var scope = NewDisposeScope();
        using var model = new Normalize(_mean, _std, new FuncModel(x => x.clone()));
        model.to(ScalarType.Float64);
        var pixels = tensor(new[] { 0.6, 0.1, 0.2, 0.7, 1.0, 0.3 }, [1, 3, 1, 2]);
        TensorAssert.Close(model.call(pixels), [1, 0, 0, 2, 0.35, 0], 1e-7);
    }

    [Fact]
    public void Forward_GradientToPixels_IsScaledByTheDeviation()
    {
        using var scope = NewDisposeScope();
        using var model = new Normalize(_mean, _std, TinyModels.Linear(inputs: 12));
        GradientCheck.Agrees(x => model.call(x).exp().sum(), TinyModels.Random([2, 3, 2, 2], 4), 1e-5);
    }

    [Fact]
    public void Forward_WrongChannelsOrRank_NamesBoth()
    {
        using var scope = NewDisposeScope();
        using var model = new Normalize(_mean, _std, new FuncModel(x => x.clone()));
        foreach (var input in new[] { zeros(2, 1, 4, 4), zeros(3, 4, 4) })
        {
            var act = () => model.call(input);
            act.Should().Throw<ArgumentException>().WithMessage("*[N,3,H,W]*").WithParameterName("input");
        }
    }

    [Fact]
    public void Create_BadStatistics_Refused()
    {
        using var net = new FuncModel(x => x.clone());
        var table = new (double[] Mean, double[] Std, string Name)[]
        {
            ([], [], "mean"), ([0.1], [1, 1], "mean"), ([double.NaN], [1], "mean"), ([0.1], [0], "std"), ([0.1], [-1], "std"), ([0.1], [double.NaN], "std"),
        };
        foreach (var (mean, std, name) in table)
        {
            var act = () => new Normalize(mean, std, net);
            act.Should().Throw<ArgumentException>().WithParameterName(name);
        }
        var missing = () => new Normalize(_mean, _std, null!);
        missing.Should().Throw<ArgumentNullException>().WithParameterName("network");
    }

    [Fact]
    public void To_AnotherDtype_MovesStatisticsAndNetwork()
    {
        using var scope = NewDisposeScope();
        using var model = new Normalize(_mean, _std, TinyModels.Linear(inputs: 12, dtype: ScalarType.Float32));
        model.call(zeros(1, 3, 2, 2)).dtype.Should().Be(ScalarType.Float32);
        model.to(ScalarType.Float64);
        model.call(zeros([1, 3, 2, 2], ScalarType.Float64)).dtype.Should().Be(ScalarType.Float64);
        model.to(ScalarType.BFloat16);
        model.call(zeros([1, 3, 2, 2], ScalarType.BFloat16)).dtype.Should().Be(ScalarType.BFloat16);
        model.state_dict().Keys.Should().BeEquivalentTo("network._weight", "network._bias", "mean", "std");
    }

    [Fact]
    public void Create_InsideAScope_KeepsItsStatisticsAfterIt()
    {
        using var net = TinyModels.Linear(inputs: 12, dtype: ScalarType.Float32);
        Normalize model;
        using (NewDisposeScope()) model = new Normalize(_mean, _std, net);
        using (model)
        using (var input = zeros(1, 3, 2, 2))
        using (var output = model.call(input))
            output.shape.Should().Equal(1, 4);
    }

    [Fact]
    public void Forward_ManyTimes_LeavesNoTensorBehind()
    {
        using var model = new Normalize(_mean, _std, TinyModels.Linear(inputs: 12));
        using var input = TinyModels.Random([1, 3, 2, 2], 1);
        LeakAssert.None(() => model.call(input).Dispose());
    }
}
