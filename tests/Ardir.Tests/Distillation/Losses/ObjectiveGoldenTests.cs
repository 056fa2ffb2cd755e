using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>TRADES, MART, RSLAD and IAD-I against values and gradients of their reference implementations (float64).</summary>
public sealed class ObjectiveGoldenTests
{
    private static readonly GoldenFile _losses = GoldenFile.Load("losses");

    [Fact]
    public void Trades_MatchesGolden() => Check("trades_beta6", new TradesLoss());

    [Fact]
    public void Mart_MatchesGolden() => Check("mart_lambda5", new MartLoss());

    [Fact]
    public void Rslad_MatchesGolden() => Check("rslad", new RsladLoss());

    [Fact]
    public void IadOne_MatchesGolden() => Check("iad1_begun_beta0.1", new IadLoss(), epoch: 60);

    private static void Check(string name, IDistillationLoss loss, int epoch = 0)
    {
        using var scope = NewDisposeScope();
        var (adversarial, clean) = (_losses.Tensor("student_adv").requires_grad_(), _losses.Tensor("student_clean").requires_grad_());
        var terms = loss.Compute(new DistillationInputs
        {
            Labels = _losses.Classes("labels"), StudentAdversarial = new(adversarial), StudentClean = new(clean), Epoch = epoch,
            TeacherClean = new(_losses.Tensor("teacher_clean")), TeacherOnStudentAdversarial = new(_losses.Tensor("teacher_adv")),
        });
        terms.Total.backward();
        TensorAssert.Close(terms.Total.detach(), _losses.Tensor($"training/{name}/value"), 1e-9);
        var expected = _losses.Tensors($"training/{name}/grads");
        TensorAssert.Close(adversarial.grad!, expected[0], 1e-9);
        TensorAssert.Close(clean.grad!, expected[1], 1e-9);
    }
}
