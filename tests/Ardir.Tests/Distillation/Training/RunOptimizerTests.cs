using Ardir.Distillation;
using TorchSharp.Modules;

namespace Ardir.Tests;

/// <summary>The optimiser of a run trains what it was given and nothing else.</summary>
public sealed class RunOptimizerTests
{
    [Fact]
    public void Defaults_AreThoseOfTheirRecipes()
    {
        new SgdOptimizer().Should().Be(new SgdOptimizer { Momentum = 0.9, WeightDecay = 5e-4, Nesterov = false });
        var adam = new AdamOptimizer { Beta1 = 0.9, Beta2 = 0.999, Epsilon = 1e-8, WeightDecay = 0, AmsGrad = false };
        new AdamOptimizer().Should().Be(adam);
        var decoupled = new AdamWOptimizer { Beta1 = 0.9, Beta2 = 0.999, Epsilon = 1e-8, WeightDecay = 0.01, AmsGrad = false };
        new AdamWOptimizer().Should().Be(decoupled);
    }

    [Fact]
    public void Trained_AreTheParametersThatWantAGradient()
    {
        using var student = nn.Linear(2, 3);
        using var loss = nn.Linear(3, 1);
        student.bias!.requires_grad = false;
        loss.weight.requires_grad = false;
        using var optimizer = new RunOptimizer(new TrainerOptions(), new FullWeights(student), loss);
        optimizer.Student.Select(pair => pair.Name).Should().Equal("weight");
        optimizer.Loss.Select(pair => pair.Name).Should().Equal("bias");
        optimizer.Trained.Select(parameter => parameter.Handle).Should().Equal(student.weight.Handle, loss.bias!.Handle);
    }

    [Fact]
    public void Constructor_OptimizerWithOtherParameters_IsRefusedAndLeavesNoTensorBehind()
    {
        using var student = nn.Linear(2, 3);
        using var other = nn.Linear(2, 3);
        foreach (var choose in new Func<IReadOnlyList<Parameter>, Parameter[]>[] { _ => [other.weight], given => [.. given, other.weight] })
        {
            // Adam holds tensors from the beginning.
            var own = TrainingOptimizer.Custom("stale", (parameters, rate) => optim.Adam(choose(parameters), rate));
            LeakAssert.None(() => FluentActions
                .Invoking(() => new RunOptimizer(new TrainerOptions { Optimizer = own }, new FullWeights(student), null))
                .Should().Throw<InvalidOperationException>().WithMessage("*(stale) trains parameters that it was not given*"));
        }
    }
}
