using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>What a trainer was made with: the networks, the objective and the options, in which every attack that the objective needs is
/// filled in.</summary>
internal sealed record TrainingSetup(
    nn.Module<Tensor, Tensor> Student, IModule? Teacher, IModule? StandardTeacher, IDistillationLoss Loss, TrainerOptions Options)
{
    /// <summary>Where the run takes place.</summary>
    public Device Device => Options.Device ?? Student.parameters().First().device;

    /// <summary>Moves the networks, and what the loss trains, to the device of the run.</summary>
    public void ToDevice()
    {
        if (Options.Device is { } device)
        {
            Student.to(device);
            (Teacher as nn.Module)?.to(device);
            (StandardTeacher as nn.Module)?.to(device);
        }
        Loss.Trainable?.to(Device);
    }
}
