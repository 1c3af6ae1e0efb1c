# An image with credrotate and its configuration, and no credentials in it: packer build credrotate.pkr.hcl
# Replace the repository, the files to keep, and what the image is made of. Packer 1.7 and later first want:
# packer plugins install github.com/hashicorp/amazon

variable "region" {
  type    = string
  default = "eu-central-1"
}

variable "repository" {
  type    = string
  default = "https://packages.credrotate.example"
}

source "amazon-ebs" "debian" {
  ami_name      = "myapp-{{timestamp}}"
  instance_type = "t3.small"
  region        = var.region
  ssh_username  = "admin"

  source_ami_filter {
    filters = {
      name                = "debian-13-amd64-*"
      root-device-type    = "ebs"
      virtualization-type = "hvm"
    }
    most_recent = true
    owners      = ["136693071363"]
  }
}

build {
  sources = ["source.amazon-ebs.debian"]

  # Without a role for this instance there is nothing to fetch, and nothing is started here that could.
  provisioner "shell" {
    execute_command = "{{ .Vars }} sudo -E sh -eu '{{ .Path }}'"
    environment_vars = [
      "DEBIAN_FRONTEND=noninteractive",
      "REPOSITORY=${var.repository}",
    ]
    inline = [
      "curl -fsSo /usr/share/keyrings/credrotate-archive-keyring.asc --fail-early \"$REPOSITORY/credrotate-archive-keyring.asc\" -o /etc/apt/sources.list.d/credrotate.sources \"$REPOSITORY/credrotate.sources\"",
      "apt-get -o APT::Update::Error-Mode=any -q update",
      "apt-get -o DPkg::Lock::Timeout=300 -yq install credrotate",
      "install -d -m 755 /etc/credrotate/conf.d",
      "printf '%s\\n' 'sinks:' '  - { path: /etc/myapp/credentials, format: aws-credentials }' > /etc/credrotate/conf.d/myapp.yaml",
      "credrotate check --config-only",
      # Enabled for the boots of the image. Nothing has been written; forget makes sure of that.
      "systemctl enable credrotate.service",
      "credrotate forget --all",
    ]
  }
}
